#include "webhooks/http/mailbox.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <utility>

#include "state/check.h"

namespace dunlin {

Mailbox::Mailbox() : event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) { DUNLIN_CHECK(event_ >= 0); }

Mailbox::~Mailbox() { close(event_); }

Mail Mailbox::Take() {
  std::uint64_t count = 0;
  // First: what is put in from here on either is taken below or wakes the loop anew.
  [[maybe_unused]] const ssize_t n = read(event_, &count, sizeof count);
  const std::lock_guard lock(mutex_);
  woken_ = false;
  return std::exchange(mail_, {});
}

void Mailbox::Wake() const {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = write(event_, &one, sizeof one);  // fails only when it is readable anyway
}

}  // namespace dunlin
