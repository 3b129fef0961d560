// What webhooks/http/engine.cc needs of cpp-httplib, as later versions declare it: the protected call takes the
// connection's addresses too, and a stream has more to offer. Only to compile against.
#pragma once

#include <sys/types.h>

#include <ctime>
#include <functional>
#include <map>
#include <string>

using socket_t = int;
#define INVALID_SOCKET (-1)

namespace httplib {

using Headers = std::multimap<std::string, std::string>;
using Params = std::multimap<std::string, std::string>;

struct Request {
  Params params;
};

struct Response {
  int status = -1;
  Headers headers;
  std::string body;
};

class Stream {
 public:
  virtual ~Stream() = default;
  virtual bool is_readable() const = 0;
  virtual bool wait_readable() const = 0;
  virtual bool wait_writable() const = 0;
  virtual ssize_t read(char* to, std::size_t size) = 0;
  virtual ssize_t write(const char* from, std::size_t size) = 0;
  virtual void get_remote_ip_and_port(std::string& ip, int& port) const = 0;
  virtual void get_local_ip_and_port(std::string& ip, int& port) const = 0;
  virtual socket_t socket() const = 0;
  virtual time_t duration() const = 0;
};

class Server {
 public:
  enum class HandlerResponse { Handled, Unhandled };
  using Handler = std::function<void(const Request&, Response&)>;
  using HandlerWithResponse = std::function<HandlerResponse(const Request&, Response&)>;

  virtual ~Server() = default;
  Server& set_keep_alive_timeout(time_t) { return *this; }
  Server& set_keep_alive_max_count(std::size_t) { return *this; }
  Server& set_pre_routing_handler(HandlerWithResponse) { return *this; }
  Server& set_post_routing_handler(Handler) { return *this; }
  Server& set_error_handler(Handler) { return *this; }

 protected:
  bool process_request(Stream&, const std::string& /*remote_addr*/, int /*remote_port*/,
                       const std::string& /*local_addr*/, int /*local_port*/, bool /*close_connection*/,
                       bool& /*connection_closed*/, const std::function<void(Request&)>& /*setup_request*/) {
    return false;
  }
};

}  // namespace httplib
