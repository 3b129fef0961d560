#include "webhooks/http/admission.h"

#include "state/check.h"

namespace dunlin {

bool Admission::Enter(const IpAddress& address) {
  if (IsExempt(address)) return true;
  const std::lock_guard lock(mutex_);
  std::size_t& count = by_address_[address.Neighbourhood()];
  if (count >= from_one_) return false;
  ++count;
  return true;
}

void Admission::Leave(const IpAddress& address) {
  if (IsExempt(address)) return;
  const std::lock_guard lock(mutex_);
  const auto found = by_address_.find(address.Neighbourhood());
  DUNLIN_CHECK(found != by_address_.end());
  if (--found->second == 0) by_address_.erase(found);
}

}  // namespace dunlin
