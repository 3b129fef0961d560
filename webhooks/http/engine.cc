#include "webhooks/http/engine.h"

#include <httplib.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "state/check.h"
#include "webhooks/http/problem.h"

namespace dunlin {
namespace {

// A request line to read from, and an answer to write to, both in memory. Versions of the library differ in what a
// stream has to offer, so nothing here says `override`.
class MemoryStream final : public httplib::Stream {
 public:
  explicit MemoryStream(std::string in) : in_(std::move(in)) {}

  bool is_readable() const { return read_ < in_.size(); }
  bool wait_readable() const { return is_readable(); }
  bool is_writable() const { return true; }
  bool wait_writable() const { return true; }
  ssize_t read(char* to, std::size_t size) {
    const std::size_t n = std::min(size, in_.size() - read_);
    std::memcpy(to, in_.data() + read_, n);
    read_ += n;
    return static_cast<ssize_t>(n);
  }
  ssize_t write(const char* from, std::size_t size) {
    out_.append(from, size);
    return static_cast<ssize_t>(size);
  }
  void get_remote_ip_and_port(std::string& ip, int& port) const {
    ip.clear();
    port = 0;
  }
  void get_local_ip_and_port(std::string& ip, int& port) const {
    ip.clear();
    port = 0;
  }
  socket_t socket() const { return INVALID_SOCKET; }
  time_t duration() const { return 0; }

  std::string TakeOut() { return std::move(out_); }

 private:
  std::string in_;
  std::string out_;
  std::size_t read_ = 0;
};

// The call that later versions of the library take more arguments for: the connection's addresses, which are ours alone
// to know.
template <class Process>
void ProcessRequest(const Process& process) {
  bool connection_closed = false;
  if constexpr (requires { process("", 0, "", 0, false, connection_closed, nullptr); }) {
    process("", 0, "", 0, false, connection_closed, nullptr);
  } else {
    process(false, connection_closed, nullptr);
  }
}

// One call of Respond on this thread, for the library's callbacks.
struct Call {
  HttpRequest& request;
  const HttpEngine::Answer& answer;
  const std::function<bool()>& close;
  std::string request_id;  // the request itself may be gone once it is answered later
  bool answered = false;
  bool later = false;
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
      std::optional<HttpResponse> response = current_call->answer(request);
      current_call->answered = true;
      current_call->later = !response;
      if (response) Fill(out, *std::move(response), current_call->request_id);
      return HandlerResponse::Handled;
    });
    // Also called for our own answers of 400 and above: those stay as they are.
    const Handler on_error = [](const httplib::Request&, httplib::Response& out) {
      DUNLIN_CHECK(current_call != nullptr);
      if (!current_call->answered) Fill(out, Problem(out.status, ""), current_call->request_id);
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

  std::string Process(std::string request_line, Call& call) {
    MemoryStream stream(std::move(request_line));
    current_call = &call;
    ProcessRequest([&](auto&&... rest) -> decltype(this->process_request(stream, rest...)) {
      return this->process_request(stream, rest...);
    });
    current_call = nullptr;
    return stream.TakeOut();
  }
};

HttpEngine::HttpEngine(int keep_alive_seconds) : server_(std::make_unique<Server>(keep_alive_seconds)) {}

HttpEngine::~HttpEngine() = default;

std::optional<std::string> HttpEngine::Respond(HttpRequest& request, const std::string& target, const Answer& answer,
                                               const std::function<bool()>& close) const {
  request.path = target.substr(0, target.find('?'));
  Call call{request, answer, close, request.request_id};
  std::string bytes = server_->Process(request.method + " " + target + " HTTP/1.1\r\n\r\n", call);
  if (call.later) return std::nullopt;
  return bytes;
}

std::string HttpEngine::Write(std::string_view method, HttpResponse response, const std::string& request_id,
                              bool close) const {
  HttpRequest request{.method = std::string(method), .request_id = request_id};
  return *Respond(
      request, "/", [&response](HttpRequest&) { return std::move(response); }, [close] { return close; });
}

}  // namespace dunlin
