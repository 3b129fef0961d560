#include "workflows/providers/stripe/transport.h"

#include <curl/curl.h>
#include <strings.h>

#include <algorithm>
#include <utility>

namespace dunlin::stripe {
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
  constexpr std::string_view kShouldRetry = "stripe-should-retry";
  constexpr std::string_view kRequestId = "request-id";
  constexpr std::size_t kRequestIdMax = 64;
  HttpAnswer& answer = static_cast<Reading*>(into)->answer;
  const std::string_view line(data, size * count);
  try {
    if (NameIs(line, kShouldRetry)) {
      const std::string_view value = Trim(line.substr(kShouldRetry.size() + 1));
      if (value == "true" || value == "false") answer.should_retry = value == "true";
    } else if (NameIs(line, kRequestId)) {
      answer.request_id = Trim(line.substr(kRequestId.size() + 1)).substr(0, kRequestIdMax);
    }
  } catch (...) {
    return 0;
  }
  return line.size();
}

// A header of ours: no value may start another one.
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

bool AddHeaders(const TransportOptions& options, const HttpRequest& request, Headers& headers) {
  bool added = headers.Add("Authorization", "Bearer " + options.api_key) &&
               headers.Add("Stripe-Version", options.api_version) && headers.Add("Accept", "application/json") &&
               headers.AddLine("Expect:");
  if (request.method == "POST") added = added && headers.Add("Content-Type", "application/x-www-form-urlencoded");
  if (!request.idempotency_key.empty()) added = added && headers.Add("Idempotency-Key", request.idempotency_key);
  return added;
}

void SetMethod(CURL* curl, const HttpRequest& request) {
  if (request.method == "POST") {
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.form.size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.form.empty() ? "" : request.form.data());
  } else if (request.method == "DELETE") {
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, "DELETE");
  } else {
    curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
  }
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
struct Transport::Handle {
  CURL* curl = curl_easy_init();
  Handle() = default;
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() { curl_easy_cleanup(curl); }
};

Transport::Transport(TransportOptions options) : options_(std::move(options)) { StartCurlOnce(); }
Transport::~Transport() = default;

std::unique_ptr<Transport::Handle> Transport::Take() {
  const std::lock_guard lock(mutex_);
  if (idle_.empty()) return std::make_unique<Handle>();
  std::unique_ptr<Handle> handle = std::move(idle_.back());
  idle_.pop_back();
  return handle;
}

void Transport::GiveBack(std::unique_ptr<Handle> handle) {
  curl_easy_reset(handle->curl);  // forgets the request, keeps the connection
  const std::lock_guard lock(mutex_);
  if (idle_.size() < kIdleMax) idle_.push_back(std::move(handle));
}

HttpAnswer Transport::Send(const HttpRequest& request, Millis timeout) {
  Reading reading;
  reading.bytes_max = options_.answer_bytes_max;
  Headers headers;
  std::unique_ptr<Handle> handle = Take();
  CURL* curl = handle->curl;
  if (curl == nullptr || timeout <= Millis{0} || !AddHeaders(options_, request, headers)) {
    reading.answer.trouble = timeout <= Millis{0} ? "no time was left" : "the request could not be built";
    return std::move(reading.answer);
  }
  const std::string url = options_.base_url + request.path;
  SetSafety(curl, url.starts_with("https:"));
  SetMethod(curl, request);
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
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

}  // namespace dunlin::stripe
