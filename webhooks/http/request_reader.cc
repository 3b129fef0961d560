#include "webhooks/http/request_reader.h"

#include <utility>

namespace dunlin {

RequestReader::State RequestReader::Look() {
  if (!head_) {
    // Some clients end a body with a line break that its length does not count.
    std::size_t blank = 0;
    while (std::string_view(buffer_).substr(blank).starts_with("\r\n")) blank += 2;
    if (blank > 0) {
      buffer_.erase(0, blank);
      looked_at_ = 0;
    }
    if (buffer_.empty() || buffer_ == "\r") return State::kIdle;  // half a blank line is no request either
    const std::size_t looked_at = std::exchange(looked_at_, buffer_.size());
    head_size_ = FindHeadEnd(buffer_, looked_at);
    if (head_size_ > kHeadBytesMax) {  // or not whole yet
      if (auto wrong = RefuseLineThatIsNewlyWhole(looked_at)) return Refused(*std::move(wrong));
      if (buffer_.size() <= kHeadBytesMax) return State::kBegun;
      return Refused(Refuse(431, "at most 16384 bytes of request line and header fields"));
    }
    auto read = ParseRequestHead(std::string_view(buffer_).substr(0, head_size_), body_bytes_max_);
    if (!read) return Refused(std::move(read.error()));
    head_ = std::move(*read);
    owes_continue_ = head_->expects_continue && buffer_.size() < head_size_ + head_->content_length;
  }
  return buffer_.size() < head_size_ + head_->content_length ? State::kBegun : State::kWhole;
}

std::optional<HeadRefusal> RequestReader::RefuseLineThatIsNewlyWhole(std::size_t looked_at) {
  if (line_is_whole_) return std::nullopt;
  const std::string_view begun = std::string_view(buffer_).substr(0, kHeadBytesMax);
  const std::size_t end = begun.find("\r\n", looked_at == 0 ? 0 : looked_at - 1);  // its CR may have come before
  if (end == std::string_view::npos) return std::nullopt;
  line_is_whole_ = true;
  return RefuseRequestLine(begun.substr(0, end));
}

std::string RequestReader::TakeBody() {
  const std::size_t size = head_size_ + head_->content_length;
  std::string body;
  if (buffer_.size() == size) {  // the usual case: no second copy of a large body, and nothing kept while idle
    body = std::exchange(buffer_, {});
    body.erase(0, head_size_);
  } else {
    body = buffer_.substr(head_size_, head_->content_length);
    buffer_.erase(0, size);
  }
  head_.reset();
  looked_at_ = 0;
  line_is_whole_ = false;
  return body;
}

RequestReader::State RequestReader::Refused(HeadRefusal refusal) {
  refusal_ = std::move(refusal);
  return State::kRefused;
}

}  // namespace dunlin
