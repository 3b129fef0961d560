#include "workflows/providers/http_call.h"

#include <curl/curl.h>
#include <strings.h>

#include <algorithm>
#include <utility>

namespace dunlin {
namespace {

constexpr std::size_t kIdleMax = 16;
constexpr Millis kRetryAfterMax{1h};
constexpr std::string_view kUserAgent = "dunlin/" DUNLIN_VERSION;

void StartCurlOnce() {
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  (void)started;  // without it every request fails with a text of its own
}

// What is read of one answer while it arrives.
struct Reading {
  HttpAnswer answer;
  std::size_t bytes_max = 0;
};

// Called by curl, which knows no exceptions: fewer bytes than given end the transfer.
std::size_t TakeBody(char* data, std::size_t size, std::size_t count, void* into) noexcept {
  auto* reading = static_cast<Reading*>(into);
  const std::size_t bytes = size * count;
  if (reading->answer.body.size() + bytes > reading->bytes_max) {
    reading->answer.end = HttpAnswer::End::kTooLarge;
    return 0;
  }
  try {
    reading->answer.body.append(data, bytes);
  } catch (...) {
    return 0;
  }
  return bytes;
}

bool NameIs(std::string_view line, std::string_view name) {
  return line.size() > name.size() && line[name.size()] == ':' &&
         strncasecmp(line.data(), name.data(), name.size()) == 0;
}

std::string_view Trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

std::size_t TakeHeader(char* data, std::size_t size, std::size_t count, void* into) noexcept {
  constexpr std::size_t kHeadBytesMax = 32 * 1024;
  std::string& head = static_cast<Reading*>(into)->answer.head;
  const std::string_view line(data, size * count);
  try {
    if (line.starts_with("HTTP/")) head.clear();  // what came before was an interim answer
    if (head.size() + line.size() <= kHeadBytesMax) head += line;
  } catch (...) {
    return 0;
  }
  return line.size();
}

// The headers of a call as curl wants them.
class Headers {
 public:
  ~Headers() { curl_slist_free_all(list_); }
  Headers() = default;
  Headers(const Headers&) = delete;
  Headers& operator=(const Headers&) = delete;

  bool Add(std::string_view name, std::string_view value) {
    const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    if (std::any_of(value.begin(), value.end(), is_control)) return false;
    return AddLine(std::string(name) + ": " + std::string(value));
  }
  bool AddLine(const std::string& line) {
    curl_slist* longer = curl_slist_append(list_, line.c_str());
    if (longer != nullptr) list_ = longer;
    return longer != nullptr;
  }
  curl_slist* list() const { return list_; }

 private:
  curl_slist* list_ = nullptr;
};

bool AddHeaders(const HttpCall& call, Headers& headers) {
  // Curl would sign an "Expect:" that is given to be left out. It sends one of its own only from 1 MB on.
  if (call.signing == nullptr && !headers.AddLine("Expect:")) return false;
  return std::all_of(call.headers.begin(), call.headers.end(),
                     [&](const HttpHeader& header) { return headers.Add(header.name, header.value); });
}

void SetMethod(CURL* curl, const HttpCall& call) {
  if (call.method == "POST") {
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call.body.size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call.body.empty() ? "" : call.body.data());
  } else if (call.method == "DELETE") {
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, "DELETE");
  } else {
    curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
  }
}

void SetSigning(CURL* curl, const AwsSigning& signing) {
  curl_easy_setopt(curl, CURLOPT_AWS_SIGV4, signing.scope.c_str());
  curl_easy_setopt(curl, CURLOPT_USERNAME, signing.access_key.c_str());
  curl_easy_setopt(curl, CURLOPT_PASSWORD, signing.secret_key.c_str());
}

void SetSafety(CURL* curl, bool https) {
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, https ? "https" : "http");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(curl, CURLOPT_PROXY, "");  // whatever http_proxy says
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
  curl_easy_setopt(curl, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
  // A resolver that does not answer is left to end by itself, or the timeout would not hold.
  curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
}

// Asks two counters, because one of them has lied in some versions of curl: the request may have left unless both
// say that it did not.
bool NothingWasSent(CURL* curl) {
  long request_bytes = 0;
  curl_off_t ready_to_send = 0;
  curl_easy_getinfo(curl, CURLINFO_REQUEST_SIZE, &request_bytes);
  curl_easy_getinfo(curl, CURLINFO_PRETRANSFER_TIME_T, &ready_to_send);
  return request_bytes == 0 && ready_to_send == 0;
}

void Finish(CURL* curl, CURLcode code, HttpAnswer& answer) {
  long status = 0;
  curl_off_t retry_after = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &retry_after);
  answer.status = static_cast<int>(status);
  if (retry_after > 0) {
    const curl_off_t bounded = std::min<curl_off_t>(retry_after, kRetryAfterMax / Seconds{1});
    answer.retry_after = Seconds{bounded};
  }
  if (code == CURLE_OK) {
    answer.end = HttpAnswer::End::kAnswered;
    return;
  }
  answer.trouble = curl_easy_strerror(code);
  if (answer.end == HttpAnswer::End::kTooLarge) {
    answer.trouble = "the answer is too large";
  } else {
    answer.end = NothingWasSent(curl) ? HttpAnswer::End::kNotSent : HttpAnswer::End::kNoAnswer;
  }
}

}  // namespace

// An easy handle keeps its connection; it belongs to one request at a time.
struct HttpCaller::Handle {
  CURL* curl = curl_easy_init();
  Handle() = default;
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() { curl_easy_cleanup(curl); }
};

HttpCaller::HttpCaller(HttpCallerOptions options) : options_(std::move(options)) { StartCurlOnce(); }
HttpCaller::~HttpCaller() = default;

std::unique_ptr<HttpCaller::Handle> HttpCaller::Take() {
  const std::lock_guard lock(mutex_);
  if (idle_.empty()) return std::make_unique<Handle>();
  std::unique_ptr<Handle> handle = std::move(idle_.back());
  idle_.pop_back();
  return handle;
}

void HttpCaller::GiveBack(std::unique_ptr<Handle> handle) {
  curl_easy_reset(handle->curl);  // forgets the request, keeps the connection
  const std::lock_guard lock(mutex_);
  if (idle_.size() < kIdleMax) idle_.push_back(std::move(handle));
}

HttpAnswer HttpCaller::Send(const HttpCall& call, Millis timeout) {
  Reading reading;
  reading.bytes_max = options_.answer_bytes_max;
  Headers headers;
  std::unique_ptr<Handle> handle = Take();
  CURL* curl = handle->curl;
  if (curl == nullptr || timeout <= Millis{0} || !AddHeaders(call, headers)) {
    reading.answer.trouble = timeout <= Millis{0} ? "no time was left" : "the request could not be built";
    return std::move(reading.answer);
  }
  SetSafety(curl, call.url.starts_with("https:"));
  SetMethod(curl, call);
  if (call.signing != nullptr) SetSigning(curl, *call.signing);
  curl_easy_setopt(curl, CURLOPT_URL, call.url.c_str());
  curl_easy_setopt(curl, CURLOPT_USERAGENT, kUserAgent.data());
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.list());
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(timeout.count()));
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options_.connect_timeout.count()));
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &TakeBody);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &reading);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &TakeHeader);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &reading);
  Finish(curl, curl_easy_perform(curl), reading.answer);
  GiveBack(std::move(handle));
  return std::move(reading.answer);
}

std::string_view HttpAnswer::Header(std::string_view name) const {
  std::string_view value;
  for (std::string_view rest = head; !rest.empty();) {
    const std::string_view line = rest.substr(0, std::min(rest.find('\n'), rest.size() - 1) + 1);
    if (NameIs(line, name)) value = Trim(line.substr(name.size() + 1));
    rest.remove_prefix(line.size());
  }
  return value;
}

std::string UrlEncode(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  constexpr std::string_view kPlain = "-._~";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       kPlain.find(c) != std::string_view::npos;
    if (plain) {
      out += c;
    } else {
      out += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return out;
}

bool IsBaseUrl(std::string_view url) {
  constexpr std::string_view kHttp = "http://";
  constexpr std::string_view kHttps = "https://";
  const std::string_view scheme = url.starts_with(kHttps) ? kHttps : kHttp;
  if (!url.starts_with(scheme) || url.size() == scheme.size()) return false;
  return std::none_of(url.begin(), url.end(), [](char c) {
    return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f ||
           std::string_view("@?#\\").find(c) != std::string_view::npos;
  });
}

}  // namespace dunlin
