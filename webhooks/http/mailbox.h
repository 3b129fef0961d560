// What other threads tell a loop. However much is put in before the loop looks, it is woken once.
#pragma once

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "webhooks/http/exchange.h"

namespace dunlin {

struct Mail {
  std::vector<Accepted> accepted;
  std::vector<Answer> answers;
  std::vector<LateAnswer> late_answers;
  bool make_room = false;  // close the connection that has been idle longest
  bool stop = false;       // end once every request that has begun is answered
  bool cut = false;        // … or not: close all connections now
};

class Mailbox : public std::enable_shared_from_this<Mailbox> {  // thread-safe
 public:
  Mailbox();
  ~Mailbox();
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  // `put` adds to the mail, quickly.
  template <class F>
  void Post(F&& put) {
    bool wake = false;
    {
      const std::lock_guard lock(mutex_);
      put(mail_);
      wake = !std::exchange(woken_, true);
    }
    if (wake) Wake();
  }
  int event() const { return event_; }  // becomes readable when there is mail
  // All that came. For the loop, when the event is readable.
  Mail Take();

 private:
  void Wake() const;

  const int event_;
  std::mutex mutex_;
  Mail mail_;
  bool woken_ = false;
};

}  // namespace dunlin
