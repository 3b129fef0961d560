#include "workflows/queue/redis_connection.h"

#include <hiredis/hiredis.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <system_error>
#include <utility>

#include "state/check.h"

namespace dunlin {
namespace {

tl::unexpected<Error> Away(std::string what) { return Fail(Errc::kUnavailable, std::move(what)); }

tl::unexpected<Error> SystemError(std::string_view doing) {
  return Away(std::string(doing) + ": " + std::generic_category().message(errno));
}

// False when the deadline passed first.
bool ReadyBy(SteadyTime deadline, int fd, short events) {
  for (;;) {
    const auto left = std::chrono::ceil<Millis>(deadline - std::chrono::steady_clock::now());
    pollfd entry{.fd = fd, .events = events, .revents = 0};
    const int ready = ::poll(&entry, 1, static_cast<int>(std::max<Millis::rep>(left.count(), 0)));
    if (ready > 0) return true;
    if (ready == 0) return false;
    if (errno != EINTR) return true;  // let the read or write say what is wrong
  }
}

// Connecting to a port nobody listens on can, on one machine, meet itself: both ends are then this socket, and the
// server could not take its port again.
bool ConnectedToItself(int fd) {
  sockaddr_storage own{};
  sockaddr_storage peer{};
  socklen_t own_size = sizeof own;
  socklen_t peer_size = sizeof peer;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&own), &own_size) != 0) return false;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &peer_size) != 0) return false;
  return own.ss_family != AF_UNIX && own_size == peer_size && std::memcmp(&own, &peer, own_size) == 0;
}

Status ConnectBy(SteadyTime deadline, int fd, const RedisEndpoint& endpoint) {
  const int started = ::connect(fd, reinterpret_cast<const sockaddr*>(&endpoint.address), endpoint.size);
  if (started != 0) {
    if (errno != EINPROGRESS && errno != EINTR) return SystemError("connect");
    if (!ReadyBy(deadline, fd, POLLOUT)) return Away("connect: no answer in time");
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return SystemError("connect");
    if (error != 0) return Away("connect: " + std::generic_category().message(error));
  }
  if (ConnectedToItself(fd)) return Away("connect: nobody listens there");
  return {};
}

Result<int> OpenSocket(const RedisEndpoint& endpoint, SteadyTime deadline) {
  const int fd = ::socket(endpoint.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return SystemError("socket");
  if (endpoint.address.ss_family != AF_UNIX) {
    const int on = 1;  // only speed: a socket without it still works, so its failure is no error
    (void)::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  if (Status connected = ConnectBy(deadline, fd, endpoint); !connected) {
    ::close(fd);
    return tl::unexpected(connected.error());
  }
  return fd;
}

// An unknown command's error repeats its arguments, and AUTH's argument is the password: of its answer only the code.
Error AuthRefused(std::string_view answer) {
  const std::string code(answer.substr(0, answer.find(' ')));
  return Error{Errc::kUnavailable, code == "WRONGPASS" ? "the server refused the user or password (WRONGPASS)"
                                                       : "the server refused to authenticate (" + code +
                                                             "); has it a password, and this user?"};
}

}  // namespace

void FreeRedisReply::operator()(redisReply* reply) const { freeReplyObject(reply); }
void RedisConnection::FreeReader::operator()(redisReader* reader) const { redisReaderFree(reader); }

void RedisCommands::Add(std::span<const std::string> args) {
  std::vector<const char*> texts;
  std::vector<std::size_t> sizes;
  texts.reserve(args.size());
  sizes.reserve(args.size());
  for (const std::string& arg : args) {
    texts.push_back(arg.data());
    sizes.push_back(arg.size());
  }
  char* formatted = nullptr;
  const int size = redisFormatCommandArgv(&formatted, static_cast<int>(args.size()), texts.data(), sizes.data());
  DUNLIN_CHECK(size > 0);  // it fails only without memory
  bytes_.append(formatted, static_cast<std::size_t>(size));
  redisFreeCommand(formatted);
  ++count_;
}

RedisConnection::RedisConnection(int fd) : fd_(fd), reader_(redisReaderCreate()) { DUNLIN_CHECK(reader_ != nullptr); }

RedisConnection::~RedisConnection() { ::close(fd_); }

Result<std::unique_ptr<RedisConnection>> RedisConnection::Open(std::span<const RedisEndpoint> endpoints,
                                                               const RedisTarget& target, SteadyTime deadline) {
  Error last{Errc::kUnavailable, "it has no address"};
  for (const RedisEndpoint& endpoint : endpoints) {
    const Result<int> fd = OpenSocket(endpoint, deadline);
    if (!fd) {
      last = fd.error();
      continue;
    }
    std::unique_ptr<RedisConnection> connection(new RedisConnection(*fd));
    if (Status introduced = connection->Introduce(target, deadline); !introduced) {
      return tl::unexpected(introduced.error());
    }
    return connection;
  }
  return tl::unexpected(last);
}

Status RedisConnection::Introduce(const RedisTarget& target, SteadyTime deadline) {
  RedisCommands commands;
  const bool authenticates = !target.password.empty();
  if (authenticates && target.user.empty()) commands.Add(std::array<std::string, 2>{"AUTH", target.password});
  if (authenticates && !target.user.empty()) {
    commands.Add(std::array<std::string, 3>{"AUTH", target.user, target.password});
  }
  if (target.db != 0) commands.Add(std::array<std::string, 2>{"SELECT", std::to_string(target.db)});
  commands.Add(std::array<std::string, 1>{"PING"});
  const Result<std::vector<RedisReplyPtr>> replies = Run(commands, deadline);
  if (!replies) return tl::unexpected(replies.error());
  for (std::size_t i = 0; i < replies->size(); ++i) {
    const redisReply& reply = *(*replies)[i];
    if (reply.type != REDIS_REPLY_ERROR) continue;
    const std::string_view answer(reply.str, reply.len);
    if (authenticates && i == 0) return tl::unexpected(AuthRefused(answer));
    return Away("the server answered " + std::string(answer.substr(0, 200)));
  }
  return {};
}

Result<std::vector<RedisReplyPtr>> RedisConnection::Run(const RedisCommands& commands, SteadyTime deadline) {
  std::vector<RedisReplyPtr> replies;
  std::string_view unsent = commands.bytes();
  for (;;) {
    if (Status sent = SendSome(unsent); !sent) return tl::unexpected(sent.error());
    const short events = static_cast<short>(unsent.empty() ? POLLIN : POLLIN | POLLOUT);
    if (!ReadyBy(deadline, fd_, events)) return Away("no answer in time");
    if (Status received = ReceiveSome(); !received) return tl::unexpected(received.error());
    if (Status read = CollectReplies(replies, commands.count()); !read) return tl::unexpected(read.error());
    if (replies.size() == commands.count()) return replies;
  }
}

bool RedisConnection::ClosedByServer() const {
  pollfd entry{.fd = fd_, .events = POLLIN, .revents = 0};
  return ::poll(&entry, 1, 0) != 0;
}

Status RedisConnection::SendSome(std::string_view& unsent) {
  while (!unsent.empty()) {
    const ssize_t sent = ::send(fd_, unsent.data(), unsent.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      unsent.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      return {};
    } else if (errno != EINTR) {
      return SystemError("send");
    }
  }
  return {};
}

Status RedisConnection::ReceiveSome() {
  std::array<char, 16 * 1024> buffer;
  for (;;) {
    const ssize_t size = ::recv(fd_, buffer.data(), buffer.size(), 0);
    if (size == 0) return Away("the server closed the connection");
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == EAGAIN) return {};
    if (size < 0) return SystemError("receive");
    if (redisReaderFeed(reader_.get(), buffer.data(), static_cast<std::size_t>(size)) != REDIS_OK) {
      return Away(std::string("reading: ") + reader_->errstr);
    }
    if (static_cast<std::size_t>(size) < buffer.size()) return {};
  }
}

Status RedisConnection::CollectReplies(std::vector<RedisReplyPtr>& replies, std::size_t wanted) {
  for (;;) {
    void* reply = nullptr;
    if (redisReaderGetReply(reader_.get(), &reply) != REDIS_OK) return Away(std::string("reading: ") + reader_->errstr);
    if (reply == nullptr) return {};
    replies.emplace_back(static_cast<redisReply*>(reply));
    if (replies.size() > wanted) return Away("reading: more answers than commands");
  }
}

}  // namespace dunlin
