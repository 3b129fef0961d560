#include "webhooks/http/responder.h"

#include <atomic>
#include <utility>

#include "state/check.h"
#include "webhooks/http/mailbox.h"
#include "webhooks/http/problem.h"

namespace dunlin {

class HttpResponder::Owed {
 public:
  Owed(std::shared_ptr<Mailbox> loop, Ticket ticket) : loop_(std::move(loop)), ticket_(std::move(ticket)) {}
  ~Owed() {
    if (!sent_) Post(Problem(500, ""));
  }
  Owed(const Owed&) = delete;
  Owed& operator=(const Owed&) = delete;

  void Send(HttpResponse response) {
    DUNLIN_CHECK(!sent_.exchange(true));
    Post(std::move(response));
  }

 private:
  void Post(HttpResponse response) {
    loop_->Post([&](Mail& mail) { mail.late_answers.push_back({std::move(ticket_), std::move(response)}); });
  }

  const std::shared_ptr<Mailbox> loop_;  // shared: the loop may be gone before this thread has left Post
  Ticket ticket_;
  std::atomic<bool> sent_ = false;
};

HttpResponder::HttpResponder(std::shared_ptr<Mailbox> loop, Ticket ticket)
    : owed_(std::make_shared<Owed>(std::move(loop), std::move(ticket))) {}

void HttpResponder::Send(HttpResponse response) const { owed_->Send(std::move(response)); }

}  // namespace dunlin
