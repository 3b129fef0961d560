#include "webhooks/http/head.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <optional>

namespace dunlin {
namespace {

using Refused = tl::unexpected<HeadRefusal>;

Refused Refuse(int status, std::string detail) { return Refused(HeadRefusal{status, std::move(detail)}); }

constexpr std::array<std::string_view, 7> kMethods = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};

bool IsToken(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

// Visible ASCII, or bytes above it, or blank and TAB inside.
bool IsFieldValue(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
  });
}

bool IsTarget(std::string_view target) {
  if (!target.starts_with('/')) return false;
  for (std::size_t i = 0; i < target.size(); ++i) {
    const char c = target[i];
    if (c <= ' ' || c > '~' || c == '#') return false;
    if (c != '%') continue;
    const auto hex = [](char digit) { return std::isxdigit(static_cast<unsigned char>(digit)) != 0; };
    if (i + 2 >= target.size() || !hex(target[i + 1]) || !hex(target[i + 2])) return false;
  }
  return true;
}

std::string_view Trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// Takes the line before the next CRLF off `rest`.
std::string_view NextLine(std::string_view& rest) {
  const std::size_t end = rest.find("\r\n");
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 2);
  return line;
}

// Fills method, target and, from the version, keep_alive.
std::optional<HeadRefusal> ReadRequestLine(std::string_view line, RequestHead& head) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return HeadRefusal{400, "the request line is not well formed"};
  const std::string_view method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  if (!IsToken(method)) return HeadRefusal{400, "the method is not well formed"};
  if (target.size() > kTargetBytesMax) return HeadRefusal{414, "at most 2048 bytes of path and query"};
  if (!IsTarget(target)) return HeadRefusal{400, "the path is not well formed"};
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return HeadRefusal{505, "only HTTP/1.1 and HTTP/1.0"};
  if (std::ranges::find(kMethods, method) == kMethods.end()) return HeadRefusal{501, "this method is not known here"};
  head.method = method;
  head.target = target;
  head.keep_alive = version == "HTTP/1.1";
  return std::nullopt;
}

std::optional<HeadRefusal> ReadFields(std::string_view rest, HttpHeaders& headers) {
  while (!rest.empty()) {
    const std::string_view line = NextLine(rest);
    if (line.empty()) break;
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || !IsToken(line.substr(0, colon))) {
      return HeadRefusal{400, "a header field is not well formed"};
    }
    const std::string_view value = Trim(line.substr(colon + 1));
    if (!IsFieldValue(value)) return HeadRefusal{400, "a header field holds a control character"};
    if (headers.size() == kHeaderFieldsMax) return HeadRefusal{431, "at most 100 header fields"};
    headers.Add(std::string(line.substr(0, colon)), std::string(value));
  }
  return std::nullopt;
}

// How long the body is: the place where smuggled requests come from.
std::optional<HeadRefusal> ReadLength(RequestHead& head, std::size_t body_bytes_max) {
  if (head.headers.Count("Transfer-Encoding") != 0) {
    return HeadRefusal{411, "a transfer coding is not taken; send Content-Length"};
  }
  const std::string* text = head.headers.Find("Content-Length");
  if (text == nullptr) {
    const bool has_body = head.method == "POST" || head.method == "PUT" || head.method == "PATCH";
    if (has_body) return HeadRefusal{411, "send Content-Length"};
    return std::nullopt;
  }
  const bool digits = !text->empty() && std::ranges::all_of(*text, [](char c) { return c >= '0' && c <= '9'; });
  if (!digits || head.headers.Count("Content-Length") != 1) {
    return HeadRefusal{400, "Content-Length must be one decimal number"};
  }
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), head.content_length);
  if (error != std::errc{} || head.content_length > body_bytes_max) {
    return HeadRefusal{413, "at most " + std::to_string(body_bytes_max) + " bytes of body"};
  }
  return std::nullopt;
}

std::optional<HeadRefusal> ReadMeaning(RequestHead& head) {
  const bool http_1_1 = head.keep_alive;
  const std::size_t hosts = head.headers.Count("Host");
  if (hosts > 1 || (http_1_1 && hosts == 0)) return HeadRefusal{400, "there must be one Host"};
  if (const std::string* coding = head.headers.Find("Content-Encoding");
      coding != nullptr && (head.headers.Count("Content-Encoding") > 1 || !EqualIgnoringCase(*coding, "identity"))) {
    return HeadRefusal{415, "send the body as it is, without Content-Encoding"};
  }
  if (const std::string* expect = head.headers.Find("Expect")) {
    if (!EqualIgnoringCase(*expect, "100-continue")) return HeadRefusal{417, "only 100-continue"};
    head.expects_continue = http_1_1;
  }
  // An HTTP/1.0 connection is always closed. Anything but a plain keep-alive closes one of HTTP/1.1.
  const std::string* connection = head.headers.Find("Connection");
  if (connection != nullptr && !EqualIgnoringCase(*connection, "keep-alive")) head.keep_alive = false;
  return std::nullopt;
}

}  // namespace

std::size_t FindHeadEnd(std::string_view bytes) {
  const std::size_t end = bytes.find("\r\n\r\n");
  return end == std::string_view::npos ? end : end + 4;
}

tl::expected<RequestHead, HeadRefusal> ParseRequestHead(std::string_view head, std::size_t body_bytes_max) {
  RequestHead read;
  const std::string_view line = NextLine(head);
  std::optional<HeadRefusal> refusal = ReadRequestLine(line, read);
  if (!refusal) refusal = ReadFields(head, read.headers);
  if (!refusal) refusal = ReadMeaning(read);
  if (!refusal) refusal = ReadLength(read, body_bytes_max);
  if (refusal) return Refuse(refusal->status, std::move(refusal->detail));
  return read;
}

}  // namespace dunlin
