#include "webhooks/http/io_loop.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "state/check.h"

namespace dunlin {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t kReadBytes = 64 * 1024;  // at a time, so that no connection holds up the others
constexpr auto kLinger = 1000ms;
constexpr auto kSpareable = 500ms;  // idle for so long, a connection may be closed to make room for another

// What a connection may hold of a request that is not whole yet. More comes from a budget that all share, for a crowd
// of large bodies that never end must not take all memory.
constexpr std::size_t kOwnBytes = 16 * 1024;
constexpr std::size_t kSharedBytes = 16 * 1024 * 1024;  // or, where larger bodies are allowed, two of them

}  // namespace

IoLoop::IoLoop(const Host& host)
    : host_(host),
      mailbox_(std::make_shared<Mailbox>()),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      scratch_(kReadBytes),
      now_(steady_clock::now()) {
  DUNLIN_CHECK(epoll_ >= 0);
  epoll_event mail{.events = EPOLLIN, .data = {.ptr = nullptr}};
  DUNLIN_CHECK(epoll_ctl(epoll_, EPOLL_CTL_ADD, mailbox_->event(), &mail) == 0);
}

IoLoop::~IoLoop() { close(epoll_); }

void IoLoop::Run() {
  std::array<epoll_event, 256> events;
  while (!stopping_ || std::ranges::any_of(phases_, [](const auto& list) { return !list.empty(); })) {
    const int ready = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), WaitMillis());
    now_ = steady_clock::now();
    bool mail = false;
    for (int i = 0; i < ready; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      if (event.data.ptr == nullptr) {
        mail = true;
      } else {
        OnReady(*static_cast<Connection*>(event.data.ptr), event.events);
      }
    }
    if (mail) TakeMail();  // may close connections, so it comes after their events
    SubmitAll();
    Expire();
  }
}

void IoLoop::TakeMail() {
  Mail mail = mailbox_->Take();
  for (const Accepted& accepted : mail.accepted) Adopt(accepted);
  for (Answer& answer : mail.answers) Send(std::move(answer));
  for (LateAnswer& late : mail.late_answers) Send(host_.write(std::move(late)));
  if (mail.make_room) MakeRoom();
  if (mail.stop) CloseIdle();
  if (mail.cut) CutAll();
}

void IoLoop::Adopt(const Accepted& accepted) {
  std::list<Connection>& idle = In(Phase::kIdle);
  Connection& connection = idle.emplace_back(accepted, host_.body_bytes_max);
  connection.at = std::prev(idle.end());
  connection.since = now_;
  epoll_event event{.events = connection.interest, .data = {.ptr = &connection}};
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.socket, &event) != 0) Close(connection);
}

void IoLoop::OnReady(Connection& connection, std::uint32_t events) {
  const bool gone = (events & (EPOLLERR | EPOLLHUP)) != 0;
  switch (connection.phase) {
    case Phase::kIdle:
    case Phase::kReading:
    case Phase::kLingering: return Receive(connection);
    case Phase::kAnswering: return gone ? Disconnect(connection) : Watch(connection, 0);  // the next request can wait
    case Phase::kWriting: return gone ? Close(connection) : Flush(connection);
  }
}

void IoLoop::Receive(Connection& connection) {
  const ssize_t n = recv(connection.socket, scratch_.data(), scratch_.size(), MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) return Close(connection);
  if (connection.phase == Phase::kLingering) return;
  connection.reader.Add({scratch_.data(), static_cast<std::size_t>(n)});
  Advance(connection);
}

// Goes on with what has come.
void IoLoop::Advance(Connection& connection) {
  switch (connection.reader.Look()) {
    case RequestReader::State::kIdle:
      if (stopping_) Close(connection);
      return;
    case RequestReader::State::kWhole: return WithinBudget(connection) ? Dispatch(connection) : Overburden(connection);
    case RequestReader::State::kRefused: return Refuse(connection, connection.reader.refusal());
    case RequestReader::State::kBegun: break;
  }
  if (connection.phase == Phase::kIdle) Enter(connection, Phase::kReading);
  if (!WithinBudget(connection)) return Overburden(connection);
  constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  if (!connection.reader.TakeContinue()) return;
  const ssize_t n = send(connection.socket, kContinue.data(), kContinue.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (n != static_cast<ssize_t>(kContinue.size())) Close(connection);  // it does not read, so it is not waiting
}

void IoLoop::Overburden(Connection& connection) {
  Refuse(connection, connection.reader.Refuse(503, "too many large requests"));
}

void IoLoop::Dispatch(Connection& connection) {
  RequestHead& head = connection.reader.head();
  Exchange exchange{
      .connection = &connection, .loop = mailbox_.get(), .target = std::move(head.target), .close = !head.keep_alive};
  HttpRequest& request = exchange.request;
  request.method = std::move(head.method);
  request.headers = std::move(head.headers);
  request.request_id = host_.new_request_id();
  request.body = connection.reader.TakeBody();
  const IpAddress client = ClientOf(connection.peer, request.headers, host_.trusted_proxies);
  request.peer = client.Text();
  if (client != connection.peer) {
    if (!host_.admission.Enter(client)) {
      return Refuse(connection, {503, "too many requests from this address", request.method, exchange.target});
    }
    connection.counted = client;
  }
  Enter(connection, Phase::kAnswering);
  begun_.push_back(std::move(exchange));
}

void IoLoop::SubmitAll() {
  // Refusing one may bring the next of the same connection, so this ends only when all are gone.
  while (!begun_.empty()) {
    host_.submit(begun_);
    if (begun_.empty()) return;
    const std::vector<Exchange> refused = std::exchange(begun_, {});
    for (const Exchange& exchange : refused) Send(host_.overloaded(exchange));
  }
}

void IoLoop::Refuse(Connection& connection, const HeadRefusal& refusal) {
  Send({&connection, host_.refuse(refusal, connection.peer), true});
}

void IoLoop::Send(Answer answer) {
  Connection& connection = *answer.connection;
  if (connection.counted) host_.admission.Leave(*std::exchange(connection.counted, std::nullopt));
  FreeBudget(connection);
  if (connection.socket < 0) return Close(connection);
  connection.out = std::move(answer.bytes);
  connection.sent = 0;
  connection.close = answer.close;
  Flush(connection);
}

void IoLoop::Flush(Connection& connection) {
  while (connection.sent < connection.out.size()) {
    const ssize_t n = send(connection.socket, connection.out.data() + connection.sent,
                           connection.out.size() - connection.sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0) {
      connection.sent += static_cast<std::size_t>(n);
    } else if (errno == EAGAIN) {
      if (connection.phase != Phase::kWriting) Enter(connection, Phase::kWriting);
      return Watch(connection, EPOLLOUT);
    } else if (errno != EINTR) {
      return Close(connection);
    }
  }
  Sent(connection);
}

void IoLoop::Sent(Connection& connection) {
  std::string().swap(connection.out);
  if (connection.close) return Linger(connection);
  Enter(connection, Phase::kIdle);
  Watch(connection, EPOLLIN);
  Advance(connection);  // the next request may be here already
}

// Closing while the client still sends would reset the connection and could take our answer away before it was read.
void IoLoop::Linger(Connection& connection) {
  if (stopping_ && connection.reader.buffered() == 0) return Close(connection);
  connection.reader.Clear();
  if (shutdown(connection.socket, SHUT_WR) != 0) return Close(connection);
  Enter(connection, Phase::kLingering);
  Watch(connection, EPOLLIN);
}

bool IoLoop::WithinBudget(Connection& connection) {
  const std::size_t buffered = connection.reader.buffered();
  const std::size_t large = buffered > kOwnBytes ? buffered - kOwnBytes : 0;
  const std::size_t more = large - std::exchange(connection.large_bytes, large);
  if (more == 0 || (host_.large_bytes += more) <= std::max(kSharedBytes, 2 * host_.body_bytes_max)) return true;
  FreeBudget(connection);  // at once: nobody else is to be refused for what this one held
  return false;
}

void IoLoop::FreeBudget(Connection& connection) { host_.large_bytes -= std::exchange(connection.large_bytes, 0); }

void IoLoop::Enter(Connection& connection, Phase phase) {
  std::list<Connection>& to = In(phase);
  to.splice(to.end(), In(connection.phase), connection.at);
  connection.phase = phase;
  connection.since = now_;
}

void IoLoop::Watch(Connection& connection, std::uint32_t interest) {
  if (std::exchange(connection.interest, interest) == interest) return;
  epoll_event event{.events = interest, .data = {.ptr = &connection}};
  DUNLIN_CHECK(epoll_ctl(epoll_, EPOLL_CTL_MOD, connection.socket, &event) == 0);
}

void IoLoop::Disconnect(Connection& connection) {
  if (connection.socket < 0) return;
  close(std::exchange(connection.socket, -1));  // which also ends its watch
  host_.admission.Leave(connection.peer);
  host_.admission.Closed();
}

void IoLoop::Close(Connection& connection) {
  Disconnect(connection);
  FreeBudget(connection);
  In(connection.phase).erase(connection.at);
}

milliseconds IoLoop::LimitOf(Phase phase) const {
  switch (phase) {
    case Phase::kIdle: return host_.keep_alive;
    case Phase::kReading:
    case Phase::kWriting: return host_.request_timeout;
    case Phase::kLingering: return kLinger;
    case Phase::kAnswering: break;
  }
  return milliseconds::max();
}

// Until the next time limit.
int IoLoop::WaitMillis() const {
  auto wait = milliseconds(-1);  // forever
  for (std::size_t i = 0; i < kPhases; ++i) {
    if (phases_[i].empty() || i == static_cast<std::size_t>(Phase::kAnswering)) continue;
    const Connection& first = phases_[i].front();
    const auto left = std::chrono::ceil<milliseconds>(first.since + LimitOf(first.phase) - now_);
    if (wait < 0ms || left < wait) wait = std::max(left, 0ms);
  }
  return static_cast<int>(wait.count());
}

void IoLoop::Expire() {
  for (const Phase phase : {Phase::kIdle, Phase::kReading, Phase::kWriting, Phase::kLingering}) {
    std::list<Connection>& list = In(phase);
    while (!list.empty() && list.front().since + LimitOf(phase) <= now_) {
      Connection& connection = list.front();
      if (phase == Phase::kReading) {
        Refuse(connection, connection.reader.Refuse(408, "the request took too long to arrive"));
      } else {
        Close(connection);
      }
    }
  }
}

void IoLoop::MakeRoom() {
  std::list<Connection>& idle = In(Phase::kIdle);
  if (!idle.empty() && idle.front().since + kSpareable <= now_) Close(idle.front());
}

// A request that has come and was not looked at yet is one that has begun.
void IoLoop::CloseIdle() {
  stopping_ = true;
  std::list<Connection>& idle = In(Phase::kIdle);
  for (auto next = idle.begin(); next != idle.end();) Receive(*next++);
  while (!idle.empty()) Close(idle.front());
  while (!In(Phase::kLingering).empty()) Close(In(Phase::kLingering).front());
}

void IoLoop::CutAll() {
  for (const Phase phase : {Phase::kIdle, Phase::kReading, Phase::kWriting, Phase::kLingering}) {
    while (!In(phase).empty()) Close(In(phase).front());
  }
  for (Connection& connection : In(Phase::kAnswering)) Disconnect(connection);
}

}  // namespace dunlin
