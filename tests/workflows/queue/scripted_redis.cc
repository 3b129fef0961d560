#include "tests/workflows/queue/scripted_redis.h"

#include <arpa/inet.h>
#include <hiredis/hiredis.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <span>

#include "state/check.h"

namespace dunlin::testing {
namespace {

void SendAll(int fd, const std::string& bytes) {
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t n = ::send(fd, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) return;
    sent += static_cast<std::size_t>(n);
  }
}

// A command is written as an answer that is a list of texts would be.
ScriptedRedis::Command CommandIn(const redisReply& list) {
  ScriptedRedis::Command command;
  for (const redisReply* word : std::span(list.element, list.elements)) command.emplace_back(word->str, word->len);
  return command;
}

}  // namespace

ScriptedRedis::ScriptedRedis(Answer answer) : answer_(std::move(answer)) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  DUNLIN_CHECK(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0);
  DUNLIN_CHECK(::listen(listener_, SOMAXCONN) == 0);
  DUNLIN_CHECK(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { Accept(); });
}

ScriptedRedis::~ScriptedRedis() {
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
  for (std::thread& server : servers_) server.join();
  for (const int fd : open_) ::close(fd);
  ::close(listener_);
}

std::size_t ScriptedRedis::connections() {
  const std::lock_guard lock(mutex_);
  return open_.size();
}

void ScriptedRedis::Accept() {
  while (true) {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    const std::lock_guard lock(mutex_);
    open_.push_back(fd);
    servers_.emplace_back([this, fd] { Serve(fd); });
  }
}

void ScriptedRedis::Serve(int fd) const {
  const std::unique_ptr<redisReader, void (*)(redisReader*)> reader(redisReaderCreate(), &redisReaderFree);
  std::vector<char> chunk(64 * 1024);
  while (true) {
    const ssize_t n = ::recv(fd, chunk.data(), chunk.size(), 0);
    if (n <= 0) return;
    DUNLIN_CHECK(redisReaderFeed(reader.get(), chunk.data(), static_cast<std::size_t>(n)) == REDIS_OK);
    for (void* list = nullptr; redisReaderGetReply(reader.get(), &list) == REDIS_OK && list != nullptr;) {
      const std::unique_ptr<void, void (*)(void*)> owned(list, &freeReplyObject);
      const Reply reply = answer_(CommandIn(*static_cast<redisReply*>(list)));
      SendAll(fd, reply.bytes);
      if (!reply.hang_up) continue;
      ::shutdown(fd, SHUT_RDWR);
      return;
    }
  }
}

}  // namespace dunlin::testing
