#include "app/commands/webhook_post.h"

#include <curl/curl.h>

#include <utility>

namespace dunlin {
namespace {

constexpr std::size_t kBodyMax = 64 * 1024;

std::size_t Append(char* data, std::size_t size, std::size_t count, void* to) {
  std::string& body = *static_cast<std::string*>(to);
  const std::size_t bytes = size * count;
  body.append(data, std::min(bytes, kBodyMax - std::min(kBodyMax, body.size())));
  return bytes;
}

struct Headers {
  curl_slist* list = nullptr;
  ~Headers() { curl_slist_free_all(list); }
  void Add(const std::string& line) { list = curl_slist_append(list, line.c_str()); }
};

}  // namespace

struct WebhookPost::Handle {
  CURL* curl = curl_easy_init();
  ~Handle() { curl_easy_cleanup(curl); }
};

WebhookPost::WebhookPost(std::string url) : url_(std::move(url)), handle_(std::make_unique<Handle>()) {
  CURL* curl = handle_->curl;
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 30'000L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, 5'000L);
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_POST, 1L);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, Append);
}

WebhookPost::~WebhookPost() = default;

WebhookAnswer WebhookPost::Send(const std::string& body, const std::string& signature) {
  CURL* curl = handle_->curl;
  Headers headers;
  headers.Add("Content-Type: application/json; charset=utf-8");
  headers.Add("Stripe-Signature: " + signature);
  headers.Add("User-Agent: dunlin-replay");
  headers.Add("Expect:");
  WebhookAnswer answer;
  curl_easy_setopt(curl, CURLOPT_URL, url_.c_str());
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.list);
  curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.data());
  curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer.body);
  const CURLcode code = curl_easy_perform(curl);
  long status = 0;
  if (code == CURLE_OK) curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  if (code != CURLE_OK) answer.trouble = curl_easy_strerror(code);
  answer.status = static_cast<int>(status);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, nullptr);  // the list ends with this call
  return answer;
}

}  // namespace dunlin
