#include "webhooks/http/engine.h"

#include <httplib.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "state/check.h"
#include "webhooks/http/problem.h"

namespace dunlin {
namespace {

// A request line to read from, and an answer to write to, both in memory.
class MemoryStream final : public httplib::Stream {
 public:
  MemoryStream(std::string in, std::string peer) : in_(std::move(in)), peer_(std::move(peer)) {}

  bool is_readable() const override { return read_ < in_.size(); }
  bool is_writable() const override { return true; }
  ssize_t read(char* to, std::size_t size) override {
    const std::size_t n = std::min(size, in_.size() - read_);
    std::memcpy(to, in_.data() + read_, n);
    read_ += n;
    return static_cast<ssize_t>(n);
  }
  ssize_t write(const char* from, std::size_t size) override {
    out_.append(from, size);
    return static_cast<ssize_t>(size);
  }
  void get_remote_ip_and_port(std::string& ip, int& port) const override {
    ip = peer_;
    port = 0;
  }
  void get_local_ip_and_port(std::string& ip, int& port) const override {
    ip.clear();
    port = 0;
  }
  socket_t socket() const override { return INVALID_SOCKET; }

  std::string TakeOut() { return std::move(out_); }

 private:
  std::string in_;
  std::string peer_;
  std::string out_;
  std::size_t read_ = 0;
};

// One call of Respond on this thread, for the library's callbacks.
struct Call {
  HttpRequest& request;
  const HttpEngine::Answer& answer;
  const std::function<bool()>& close;
  bool answered = false;
};
thread_local Call* current_call = nullptr;

bool HasControlCharacter(const std::string& text) {
  return std::ranges::any_of(text, [](char c) { return (c >= 0 && c < ' ' && c != '\t') || c == 0x7f; });
}

bool IsSendable(const HttpResponse& response) {
  if (HasControlCharacter(response.content_type)) return false;
  return std::ranges::none_of(response.headers, [](const auto& header) {
    return HasControlCharacter(header.first) || HasControlCharacter(header.second);
  });
}

void Fill(httplib::Response& out, HttpResponse response, const std::string& request_id) {
  if (!IsSendable(response)) response = Problem(500, "");
  out.status = response.status;
  out.headers.clear();
  out.headers.emplace("X-Request-Id", request_id);
  for (auto& [name, value] : response.headers) out.headers.emplace(std::move(name), std::move(value));
  if (!response.body.empty()) out.headers.emplace("Content-Type", std::move(response.content_type));
  out.body = std::move(response.body);
}

}  // namespace

class HttpEngine::Server final : public httplib::Server {
 public:
  explicit Server(int keep_alive_seconds) {
    set_keep_alive_timeout(keep_alive_seconds);
    set_keep_alive_max_count(std::numeric_limits<int>::max());
    // Answering before the library routes keeps it from reading a body and from matching regular expressions.
    set_pre_routing_handler([](const httplib::Request& in, httplib::Response& out) {
      DUNLIN_CHECK(current_call != nullptr);
      HttpRequest& request = current_call->request;
      for (const auto& [name, value] : in.params) request.query.emplace_back(name, value);
      Fill(out, current_call->answer(request), request.request_id);
      current_call->answered = true;
      return HandlerResponse::Handled;
    });
    // Also called for our own answers of 400 and above: those stay as they are.
    const Handler on_error = [](const httplib::Request&, httplib::Response& out) {
      DUNLIN_CHECK(current_call != nullptr);
      if (!current_call->answered) Fill(out, Problem(out.status, ""), current_call->request.request_id);
    };
    set_error_handler(on_error);
    // The library settled what becomes of the connection before the handler ran; the server may have begun to stop
    // since.
    set_post_routing_handler([](const httplib::Request&, httplib::Response& out) {
      DUNLIN_CHECK(current_call != nullptr);
      if (!current_call->close()) return;
      out.headers.erase("Keep-Alive");
      out.headers.emplace("Connection", "close");
    });
  }

  std::string Process(const std::string& request_line, Call& call) {
    MemoryStream stream(request_line, call.request.peer);
    bool connection_closed = false;
    current_call = &call;
    process_request(stream, /*close_connection=*/false, connection_closed, nullptr);
    current_call = nullptr;
    return stream.TakeOut();
  }
};

HttpEngine::HttpEngine(int keep_alive_seconds) : server_(std::make_unique<Server>(keep_alive_seconds)) {}

HttpEngine::~HttpEngine() = default;

std::string HttpEngine::Respond(HttpRequest& request, const std::string& target, const Answer& answer,
                                const std::function<bool()>& close) const {
  request.path = target.substr(0, target.find('?'));
  Call call{request, answer, close};
  return server_->Process(request.method + " " + target + " HTTP/1.1\r\n\r\n", call);
}

std::string HttpEngine::Refuse(HttpResponse response, const std::string& request_id) const {
  HttpRequest request{.method = "GET", .request_id = request_id};
  return Respond(
      request, "/", [&response](HttpRequest&) { return std::move(response); }, [] { return true; });
}

}  // namespace dunlin
