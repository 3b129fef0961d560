// The receiving side of webhooks: remembers what came, and answers what it is told to.
#pragma once

#include <httplib.h>

#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "state/time.h"

namespace dunlin::sim {

struct Hook {
  std::string body;
  httplib::Headers headers;

  nlohmann::json json() const { return nlohmann::json::parse(body); }
  std::string Header(const std::string& name) const {
    const auto it = headers.find(name);
    return it == headers.end() ? "" : it->second;
  }
};

class Receiver {
 public:
  Receiver() {
    server_.Post("/hook", [this](const httplib::Request& request, httplib::Response& response) {
      const std::lock_guard lock(mutex_);
      hooks_.push_back({request.body, request.headers});
      response.status = status_;
      if (!retry_after_.empty()) response.set_header("Retry-After", retry_after_);
    });
    server_.set_tcp_nodelay(true);
    server_.set_keep_alive_max_count(100000);
    server_.set_keep_alive_timeout(1);
    server_.new_task_queue = [] { return new httplib::ThreadPool(8); };
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
  }
  ~Receiver() {
    server_.stop();
    thread_.join();
  }
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/hook"; }
  void Answer(int status, const std::string& retry_after = "") {
    const std::lock_guard lock(mutex_);
    status_ = status;
    retry_after_ = retry_after;
  }
  std::vector<Hook> hooks() {
    const std::lock_guard lock(mutex_);
    return hooks_;
  }
  // Waits up to 2 s until `count` have come.
  std::vector<Hook> WaitFor(std::size_t count) {
    for (int i = 0; i < 400 && hooks().size() < count; ++i) std::this_thread::sleep_for(Millis{5});
    return hooks();
  }

 private:
  httplib::Server server_;
  std::mutex mutex_;
  std::vector<Hook> hooks_;
  std::string retry_after_;
  int status_ = 200;
  int port_ = 0;
  std::thread thread_;
};

}  // namespace dunlin::sim
