// The framing of requests against a second parser (http_parser, which Node.js used for years): whatever we take as one
// request, it must take as the same request, ending at the same byte. Ours may refuse more, never see another one.
#include <http_parser.h>

#include <string>

#include "tests/fuzz/fuzz.h"
#include "webhooks/http/request_reader.h"

namespace {

struct Seen {
  std::string target;
  bool complete = false;
};

// Parses head and body as one request of `bytes`; how many bytes it took, or npos when it refuses them.
std::size_t SecondOpinion(const std::string& bytes, http_parser& parser, Seen& seen) {
  http_parser_settings settings;
  http_parser_settings_init(&settings);
  settings.on_url = [](http_parser* p, const char* at, std::size_t length) {
    static_cast<Seen*>(p->data)->target.append(at, length);
    return 0;
  };
  settings.on_message_complete = [](http_parser* p) {
    static_cast<Seen*>(p->data)->complete = true;
    http_parser_pause(p, 1);
    return 0;
  };
  http_parser_init(&parser, HTTP_REQUEST);
  parser.data = &seen;
  const std::size_t taken = http_parser_execute(&parser, &settings, bytes.data(), bytes.size());
  const auto error = static_cast<http_errno>(parser.http_errno);
  return error == HPE_OK || error == HPE_PAUSED ? taken : std::string::npos;
}

using Read = tl::expected<dunlin::RequestHead, dunlin::HeadRefusal>;

// Cut there, the bytes become what they are in one piece: the same request, of which nothing is left, or the same
// refusal, at the latest when all have come.
void ReadInPieces(const std::string& bytes, std::size_t cut, const Read& whole) {
  using State = dunlin::RequestReader::State;
  dunlin::RequestReader reader(4096);
  reader.Add(std::string_view(bytes).substr(0, cut));
  State state = reader.Look();
  DUNLIN_CHECK(state != State::kWhole);
  if (state != State::kRefused) {
    reader.Add(std::string_view(bytes).substr(cut));
    state = reader.Look();
  }
  DUNLIN_CHECK(state == (whole ? State::kWhole : State::kRefused));
  if (!whole) {
    DUNLIN_CHECK(reader.refusal().status == whole.error().status);
    return;
  }
  DUNLIN_CHECK(reader.head().target == whole->target);
  DUNLIN_CHECK(reader.TakeBody() == std::string(whole->content_length, 'b'));
  DUNLIN_CHECK(reader.Look() == State::kIdle);
}

}  // namespace

DUNLIN_FUZZ_TARGET(bytes) {
  const std::string ended = std::string(bytes) + "\r\n\r\n";  // there may be an earlier end
  const std::size_t end = dunlin::FindHeadEnd(ended);
  const Read head = dunlin::ParseRequestHead(std::string_view(ended).substr(0, end), 4096);
  const std::string request = ended.substr(0, end) + std::string(head ? head->content_length : 0, 'b');
  if (end <= dunlin::kHeadBytesMax && !request.starts_with("\r\n")) {  // the reader skips blank lines
    ReadInPieces(request, request.find("\r\n") + 2, head);             // after the request line
    ReadInPieces(request, request.size() / 3, head);
  }
  if (!head) {
    DUNLIN_CHECK(head.error().status >= 400 && head.error().status < 600);
    DUNLIN_CHECK(!head.error().detail.empty());
    return;
  }
  DUNLIN_CHECK(head->content_length <= 4096);
  DUNLIN_CHECK(head->headers.size() <= dunlin::kHeaderFieldsMax);
  Seen seen;
  http_parser parser;
  const std::size_t taken = SecondOpinion(request + "GET /smuggled HTTP/1.1\r\n\r\n", parser, seen);
  if (taken == std::string::npos) return;  // it refuses more than we do: no proxy would have passed it on
  DUNLIN_CHECK(seen.complete);
  DUNLIN_CHECK(seen.target == head->target);
  DUNLIN_CHECK(head->method == http_method_str(static_cast<http_method>(parser.method)));
  // It pauses on the last byte of a body, or before the byte after a head without one.
  DUNLIN_CHECK(taken == request.size() || taken + 1 == request.size());
}
