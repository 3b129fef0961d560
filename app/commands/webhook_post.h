// Posts signed events to a webhook, one after another over one connection.
#pragma once

#include <memory>
#include <string>

namespace dunlin {

struct WebhookAnswer {
  int status = 0;       // 0: there was no answer, and `trouble` says why
  std::string body;     // at most 64 KiB of it
  std::string trouble;
};

class WebhookPost {  // not thread-safe
 public:
  explicit WebhookPost(std::string url);
  ~WebhookPost();
  WebhookPost(const WebhookPost&) = delete;
  WebhookPost& operator=(const WebhookPost&) = delete;

  // Follows no redirect and uses no proxy: what is signed goes where it was meant to go. Blocks for at most 30 s.
  WebhookAnswer Send(const std::string& body, const std::string& signature);

 private:
  struct Handle;
  const std::string url_;
  std::unique_ptr<Handle> handle_;
};

}  // namespace dunlin
