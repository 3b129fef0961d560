// The head of a request, read strictly: what two programs could understand differently is refused, so that no proxy in
// front of us sees another request than we do. Pure: bytes in, values out.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "webhooks/http/message.h"

namespace dunlin {

inline constexpr std::size_t kHeadBytesMax = 16 * 1024;  // request line, header fields and the empty line
inline constexpr std::size_t kTargetBytesMax = 2 * 1024;
inline constexpr std::size_t kHeaderFieldsMax = 100;

struct RequestHead {
  std::string method;
  std::string target;  // as sent: path and query
  HttpHeaders headers;
  std::size_t content_length = 0;
  bool keep_alive = false;        // the client lets the connection stay open
  bool expects_continue = false;  // it waits for "100 Continue" before it sends the body
};

// The status says why: 400 not well formed, 411 no length (or a transfer coding, which hides it), 413, 414, 415 an
// encoded body (its bytes are not the signed ones), 417, 431, 501 method, 505 version. The connection must be closed,
// for where the next request would start is no longer known.
struct HeadRefusal {
  int status;
  std::string detail;
  std::string method;  // as far as the request line could be read; else empty
  std::string target;
};

// One word for why a request was refused before any handler saw it, for metrics.
std::string_view RefusalWord(int status);

// The size of the head in `bytes` including the empty line, or npos if it is not complete yet. A line that does not end
// in CR LF ends the head at once: it is refused, and there is no use in waiting for more. `from`: how much of `bytes`
// was looked at before.
std::size_t FindHeadEnd(std::string_view bytes, std::size_t from = 0);

// Why a request line, without its CR LF, is refused; std::nullopt: it is good. For one whose head is not whole yet: who
// sends a wrong one may wait for the answer before sending more.
std::optional<HeadRefusal> RefuseRequestLine(std::string_view line);

// A refusal of a request of which only `begun` came, for a reason that is not in the head itself.
HeadRefusal RefuseBegun(int status, std::string detail, std::string_view begun);

// `head` is exactly one head, as FindHeadEnd measures it. Its request line is judged first, as RefuseRequestLine does.
tl::expected<RequestHead, HeadRefusal> ParseRequestHead(std::string_view head, std::size_t body_bytes_max);

}  // namespace dunlin
