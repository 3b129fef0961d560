// Errors are values. A Result<T> holds either a T or an Error whose code says what the caller does next.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace dunlin {

enum class Errc : std::uint8_t {
  kInvalidArgument,  // the input is wrong; sending it again cannot help
  kUnauthenticated,  // signature, secret, token or timestamp did not check out
  kForbidden,        // known, but not allowed to do this
  kNotFound,         // nothing with that id
  kConflict,         // the row moved on since it was read, or the action does not fit the state; read again
  kUnavailable,      // Redis, the database or the provider did not answer; try again later
  kCorrupt,          // stored bytes break an invariant; a person must look
};

constexpr std::string_view ErrcName(Errc code) {
  switch (code) {
    case Errc::kInvalidArgument: return "invalid_argument";
    case Errc::kUnauthenticated: return "unauthenticated";
    case Errc::kForbidden: return "forbidden";
    case Errc::kNotFound: return "not_found";
    case Errc::kConflict: return "conflict";
    case Errc::kUnavailable: return "unavailable";
    case Errc::kCorrupt: return "corrupt";
  }
  return "unknown";
}

// `detail` is for people and logs: it never holds a secret, a token, card data or a full e-mail address (I10).
struct Error {
  Errc code;
  std::string detail;
};

template <class T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

inline tl::unexpected<Error> Fail(Errc code, std::string detail) {
  return tl::unexpected<Error>(Error{code, std::move(detail)});
}

}  // namespace dunlin
