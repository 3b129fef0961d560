// Takes bytes as they come and gives whole requests, within limits. No sockets, no time: bytes in, requests out.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "webhooks/http/head.h"

namespace dunlin {

class RequestReader {
 public:
  explicit RequestReader(std::size_t body_bytes_max) : body_bytes_max_(body_bytes_max) {}

  void Add(std::string_view bytes) { buffer_.append(bytes); }

  enum class State {
    kIdle,     // nothing of a request has come; blank lines before one do not count, nor does half of one
    kBegun,    // something, not all
    kWhole,    // see head() and TakeBody()
    kRefused,  // see refusal(), the same however the bytes were cut; what comes after it has no meaning
  };
  // Looks at what has come. After kWhole: not before TakeBody.
  State Look();

  // Once for each request whose client waits for "100 Continue" before it sends its body.
  bool TakeContinue() { return std::exchange(owes_continue_, false); }

  RequestHead& head() { return *head_; }
  // Ends the request; what came after it stays and is the next.
  std::string TakeBody();

  const HeadRefusal& refusal() const { return refusal_; }
  // Refuses what has begun, for a reason from outside: too late, too much.
  HeadRefusal Refuse(int status, std::string detail) const { return RefuseBegun(status, std::move(detail), buffer_); }

  std::size_t buffered() const { return buffer_.size(); }
  void Clear() { std::string().swap(buffer_); }

 private:
  State Refused(HeadRefusal refusal);
  std::optional<HeadRefusal> RefuseLineThatIsNewlyWhole(std::size_t looked_at);

  const std::size_t body_bytes_max_;
  std::string buffer_;          // of the request that has begun, and after it
  std::size_t looked_at_ = 0;   // where the search for the head's end goes on
  bool line_is_whole_ = false;  // the request line, and it was found good
  std::size_t head_size_ = 0;
  std::optional<RequestHead> head_;
  bool owes_continue_ = false;
  HeadRefusal refusal_{};
};

}  // namespace dunlin
