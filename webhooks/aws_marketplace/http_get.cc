#include "webhooks/aws_marketplace/http_get.h"

#include <curl/curl.h>

#include <memory>

namespace dunlin {
namespace {

constexpr const char* kUserAgent = "dunlin/" DUNLIN_VERSION;

struct FreeCurl {
  void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using CurlList = std::unique_ptr<curl_slist, FreeCurl>;

struct Reading {
  std::string body;
  std::size_t bytes_max = 0;
  bool too_large = false;
};

// Called by curl, which knows no exceptions: fewer bytes than given end the transfer.
std::size_t TakeBody(char* data, std::size_t size, std::size_t count, void* into) noexcept {
  auto* reading = static_cast<Reading*>(into);
  const std::size_t bytes = size * count;
  reading->too_large = reading->body.size() + bytes > reading->bytes_max;
  if (reading->too_large) return 0;
  try {
    reading->body.append(data, bytes);
  } catch (...) {
    return 0;
  }
  return bytes;
}

void SetSafety(CURL* curl, const HttpGetOptions& options) {
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, options.plain_http ? "http,https" : "https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(curl, CURLOPT_PROXY, "");  // whatever https_proxy says
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
  curl_easy_setopt(curl, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(options.timeout.count()));
  // A resolver that does not answer is left to end by itself, or the timeout would not hold.
  curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
  if (!options.ca_file.empty()) {
    curl_easy_setopt(curl, CURLOPT_CAINFO, options.ca_file.c_str());
    curl_easy_setopt(curl, CURLOPT_CAPATH, nullptr);  // only that file
  }
}

Result<std::string> Judge(CURLcode code, long status, Reading reading) {
  if (reading.too_large) return Fail(Errc::kInvalidArgument, "the answer is too large");
  if (code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_URL_MALFORMAT) {
    return Fail(Errc::kInvalidArgument, curl_easy_strerror(code));
  }
  if (code != CURLE_OK) return Fail(Errc::kUnavailable, curl_easy_strerror(code));
  if (status == 200) return std::move(reading.body);
  const bool later = status == 408 || status == 429 || status >= 500;
  return Fail(later ? Errc::kUnavailable : Errc::kInvalidArgument, "it was answered with " + std::to_string(status));
}

}  // namespace

Result<std::string> HttpGet(const std::string& url, const HttpGetOptions& options) {
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  const std::unique_ptr<CURL, FreeCurl> curl(started == CURLE_OK ? curl_easy_init() : nullptr);
  if (curl == nullptr) return Fail(Errc::kUnavailable, "curl does not start");
  if (options.timeout <= Millis{0}) return Fail(Errc::kUnavailable, "no time was left");
  CurlList connect_to;
  for (const std::string& entry : options.connect_to) {
    curl_slist* longer = curl_slist_append(connect_to.get(), entry.c_str());
    if (longer == nullptr) return Fail(Errc::kUnavailable, "out of memory");
    connect_to.release();
    connect_to.reset(longer);
  }
  Reading reading;
  reading.bytes_max = options.bytes_max;
  SetSafety(curl.get(), options);
  curl_easy_setopt(curl.get(), CURLOPT_CONNECT_TO, connect_to.get());
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_USERAGENT, kUserAgent);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, &TakeBody);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &reading);
  const CURLcode code = curl_easy_perform(curl.get());
  long status = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  return Judge(code, status, std::move(reading));
}

}  // namespace dunlin
