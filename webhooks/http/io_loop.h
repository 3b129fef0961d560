// One I/O thread: many connections, none of which it ever waits for. It reads whole requests within their limits, hands
// them on, and writes the answers when they come, in whatever order.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "state/result.h"
#include "webhooks/http/admission.h"
#include "webhooks/http/exchange.h"
#include "webhooks/http/mailbox.h"
#include "webhooks/http/request_reader.h"

namespace dunlin {

// Where a connection stands. All but kAnswering have a time limit, the same for each, so that the connection that has
// stood there longest is the first to run out of it.
enum class Phase : std::uint8_t {
  kIdle,       // between requests
  kReading,    // a request has begun
  kAnswering,  // its answer is being found
  kWriting,    // the answer does not fit into the socket at once
  kLingering,  // answered for the last time; what still comes is thrown away until the client closes
};
inline constexpr std::size_t kPhases = 5;

struct Connection {
  Connection(const Accepted& accepted, std::size_t body_bytes_max)
      : socket(accepted.socket), peer(accepted.peer), reader(body_bytes_max) {}

  int socket;  // -1: gone, and its answer will be thrown away
  const IpAddress peer;
  RequestReader reader;
  std::string out;
  std::size_t sent = 0;  // of `out`
  bool close = false;    // after `out`
  Phase phase = Phase::kIdle;
  std::chrono::steady_clock::time_point since;  // in this phase
  std::uint32_t interest = EPOLLIN;
  std::size_t large_bytes = 0;       // of the shared budget
  std::optional<IpAddress> counted;  // the client behind a proxy whose request this is
  std::list<Connection>::iterator at;
};

class IoLoop {
 public:
  // What the server it belongs to is to it; all of it is shared by the loops and called on their threads.
  struct Host {
    std::size_t body_bytes_max;
    std::chrono::milliseconds request_timeout;  // from a request's first byte to its last, and to write an answer
    std::chrono::milliseconds keep_alive;
    std::vector<IpRange> trusted_proxies;
    Admission& admission;
    std::atomic<std::size_t>& large_bytes;               // that the connections hold beyond what each may have
    std::function<void(std::vector<Exchange>&)> submit;  // takes what it has room for
    std::function<std::string()> new_request_id;
    std::function<Answer(LateAnswer)> write;  // turns it into bytes
    // The bytes of a refusal that closes the connection.
    std::function<std::string(const HeadRefusal&, const IpAddress& peer)> refuse;
    std::function<Answer(const Exchange&)> overloaded;  // there is no room for it: 503
  };

  explicit IoLoop(const Host& host);  // which must outlive it
  ~IoLoop();                          // after Run has returned
  IoLoop(const IoLoop&) = delete;
  IoLoop& operator=(const IoLoop&) = delete;

  // The thread's: returns after a stop, when no connection is left.
  void Run();

  const std::shared_ptr<Mailbox>& mailbox() const { return mailbox_; }

 private:
  using SteadyTime = std::chrono::steady_clock::time_point;

  void TakeMail();
  void Adopt(const Accepted& accepted);
  void OnReady(Connection& connection, std::uint32_t events);
  void Receive(Connection& connection);
  void Advance(Connection& connection);
  void Dispatch(Connection& connection);
  void SubmitAll();
  void Refuse(Connection& connection, const HeadRefusal& refusal);
  void Send(Answer answer);
  void Flush(Connection& connection);
  void Sent(Connection& connection);
  void Linger(Connection& connection);
  void Overburden(Connection& connection);
  bool WithinBudget(Connection& connection);
  void FreeBudget(Connection& connection);

  void Enter(Connection& connection, Phase phase);
  void Watch(Connection& connection, std::uint32_t interest);
  void Disconnect(Connection& connection);  // the socket only
  void Close(Connection& connection);

  std::list<Connection>& In(Phase phase) { return phases_[static_cast<std::size_t>(phase)]; }
  std::chrono::milliseconds LimitOf(Phase phase) const;
  int WaitMillis() const;
  void Expire();
  void MakeRoom();
  void CloseIdle();
  void CutAll();

  const Host& host_;
  const std::shared_ptr<Mailbox> mailbox_;
  const int epoll_;
  std::array<std::list<Connection>, kPhases> phases_;  // each in the order of `since`
  std::vector<Exchange> begun_;                        // in this turn
  std::vector<char> scratch_;
  SteadyTime now_;
  bool stopping_ = false;
};

}  // namespace dunlin
