#include "webhooks/http/acceptor.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <utility>

#include "state/check.h"

namespace dunlin {
namespace {

constexpr int kAtATime = 256;     // connections, before it looks whether to stop
constexpr int kRetryMillis = 10;  // while there is no room
constexpr int kForever = -1;

}  // namespace

Acceptor::Acceptor(const Listener& listener, Admission& admission, std::vector<std::shared_ptr<Mailbox>> loops,
                   std::function<void(const Accepted&)> turned_away)
    : listener_(listener),
      admission_(admission),
      loops_(std::move(loops)),
      turned_away_(std::move(turned_away)),
      stop_event_(eventfd(0, EFD_CLOEXEC)) {
  DUNLIN_CHECK(stop_event_ >= 0);
  thread_ = std::thread([this] { Run(); });
}

Acceptor::~Acceptor() {
  const std::uint64_t one = 1;
  DUNLIN_CHECK(write(stop_event_, &one, sizeof one) == sizeof one);
  thread_.join();
  close(stop_event_);
}

void Acceptor::Run() {
  while (WaitFor(listener_.socket(), kForever)) {
    bool more = true;
    for (int i = 0; i < kAtATime && more; ++i) {
      tl::expected<Accepted, Listener::Nobody> accepted = tl::unexpected(Listener::Nobody::kNoRoom);
      if (!admission_.full()) accepted = listener_.Accept();
      if (accepted) {
        Take(*accepted);
      } else if (accepted.error() == Listener::Nobody::kWaits) {
        more = false;
      } else {
        for (const auto& loop : loops_) loop->Post([](Mail& mail) { mail.make_room = true; });
        if (!WaitFor(-1, kRetryMillis)) return;
      }
    }
  }
}

void Acceptor::Take(const Accepted& accepted) {
  if (!admission_.Enter(accepted.peer)) {
    turned_away_(accepted);
    close(accepted.socket);
    return;
  }
  admission_.Opened();
  loops_[next_++ % loops_.size()]->Post([&](Mail& mail) { mail.accepted.push_back(accepted); });
}

bool Acceptor::WaitFor(int socket, int millis) const {
  std::array<pollfd, 2> wanted = {
      {{.fd = stop_event_, .events = POLLIN, .revents = 0}, {.fd = socket, .events = POLLIN, .revents = 0}}};
  poll(wanted.data(), wanted.size(), millis);  // a signal only makes us look once more
  return wanted[0].revents == 0;
}

}  // namespace dunlin
