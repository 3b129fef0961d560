#include "webhooks/http/head.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <optional>

namespace dunlin {
namespace {

constexpr std::array<std::string_view, 7> kMethods = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};

// Names under which servers pass on what they know of the connection themselves: from outside they are only ever a lie.
constexpr std::array<std::string_view, 4> kInternalNames = {"REMOTE_ADDR", "REMOTE_PORT", "LOCAL_ADDR", "LOCAL_PORT"};

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

bool IsVersion(std::string_view text) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return text.size() == 8 && text.starts_with("HTTP/") && digit(text[5]) && text[6] == '.' && digit(text[7]);
}

// Lines are taken up to CR LF, so a line feed within one stands alone.
std::optional<HeadRefusal> RefuseLineFeed(std::string_view line) {
  if (line.find('\n') == std::string_view::npos) return std::nullopt;
  return HeadRefusal{400, "lines end in CR LF"};
}

// Fills method, target and, from the version, keep_alive.
std::optional<HeadRefusal> ReadRequestLine(std::string_view line, RequestHead& head) {
  if (auto refusal = RefuseLineFeed(line)) return refusal;
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return HeadRefusal{400, "the request line is not well formed"};
  const std::string_view method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  if (!IsToken(method)) return HeadRefusal{400, "the method is not well formed"};
  if (!IsVersion(version)) return HeadRefusal{400, "the request line is not well formed"};
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return HeadRefusal{505, "only HTTP/1.1 and HTTP/1.0"};
  if (target.size() > kTargetBytesMax) return HeadRefusal{414, "at most 2048 bytes of path and query"};
  if (!IsTarget(target)) return HeadRefusal{400, "the path is not well formed"};
  if (std::ranges::find(kMethods, method) == kMethods.end()) return HeadRefusal{501, "this method is not known here"};
  head.method = method;
  head.target = target;
  head.keep_alive = version == "HTTP/1.1";
  return std::nullopt;
}

bool IsInternal(std::string_view name) {
  return std::ranges::any_of(kInternalNames, [&](std::string_view one) { return EqualIgnoringCase(one, name); });
}

std::optional<HeadRefusal> ReadFields(std::string_view rest, HttpHeaders& headers) {
  while (!rest.empty()) {
    const std::string_view line = NextLine(rest);
    if (line.empty()) break;
    if (auto refusal = RefuseLineFeed(line)) return refusal;
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || !IsToken(line.substr(0, colon))) {
      return HeadRefusal{400, "a header field is not well formed"};
    }
    if (IsInternal(line.substr(0, colon))) return HeadRefusal{400, "a header field has a name that is not for clients"};
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
  if (error != std::errc{}) return HeadRefusal{400, "Content-Length is no length that a body can have"};
  if (head.content_length > body_bytes_max) {
    return HeadRefusal{413, "at most " + std::to_string(body_bytes_max) + " bytes of body"};
  }
  return std::nullopt;
}

std::optional<HeadRefusal> ReadMeaning(RequestHead& head) {
  const bool http_1_1 = head.keep_alive;
  const std::size_t hosts = head.headers.Count("Host");
  if (hosts > 1 || (http_1_1 && hosts == 0)) return HeadRefusal{400, "there must be one Host"};
  if (head.headers.Count("Content-Encoding") != 0) {
    return HeadRefusal{415, "send the body as it is, without Content-Encoding"};
  }
  if (const std::string* expect = head.headers.Find("Expect")) {
    if (!EqualIgnoringCase(*expect, "100-continue")) return HeadRefusal{417, "only 100-continue"};
    head.expects_continue = http_1_1;
  }
  // An HTTP/1.0 connection is always closed. Anything but a plain keep-alive closes one of HTTP/1.1.
  if (const std::string* connection = head.headers.Find("Connection");
      connection != nullptr &&
      (head.headers.Count("Connection") > 1 || !EqualIgnoringCase(*connection, "keep-alive"))) {
    head.keep_alive = false;
  }
  return std::nullopt;
}

}  // namespace

std::string_view RefusalWord(int status) {
  switch (status) {
    case 400: return "malformed_request";
    case 408: return "request_timeout";
    case 411: return "no_length";
    case 413: return "body_too_large";
    case 414: return "target_too_long";
    case 415: return "encoded_body";
    case 417: return "expectation";
    case 431: return "head_too_large";
    case 501: return "unknown_method";
    case 503: return "overloaded";
    case 505: return "http_version";
    default: return "refused";
  }
}

std::size_t FindHeadEnd(std::string_view bytes, std::size_t from) {
  for (std::size_t at = bytes.find('\n', from); at != std::string_view::npos; at = bytes.find('\n', at + 1)) {
    if (at == 0 || bytes[at - 1] != '\r') return at + 1;
    if (at >= 3 && bytes.substr(at - 3, 2) == "\r\n") return at + 1;
  }
  return std::string_view::npos;
}

std::optional<HeadRefusal> RefuseRequestLine(std::string_view line) {
  RequestHead read;
  return ReadRequestLine(line, read);
}

HeadRefusal RefuseBegun(int status, std::string detail, std::string_view begun) {
  RequestHead read;
  const std::size_t end = begun.find("\r\n");
  if (end != std::string_view::npos) ReadRequestLine(begun.substr(0, end), read);
  return {status, std::move(detail), std::move(read.method), std::move(read.target)};
}

tl::expected<RequestHead, HeadRefusal> ParseRequestHead(std::string_view head, std::size_t body_bytes_max) {
  RequestHead read;
  const std::string_view line = NextLine(head);
  std::optional<HeadRefusal> refusal = ReadRequestLine(line, read);
  if (!refusal) refusal = ReadFields(head, read.headers);
  if (!refusal) refusal = ReadMeaning(read);
  if (!refusal) refusal = ReadLength(read, body_bytes_max);
  if (!refusal) return read;
  refusal->method = std::move(read.method);
  refusal->target = std::move(read.target);
  return tl::unexpected(*std::move(refusal));
}

}  // namespace dunlin
