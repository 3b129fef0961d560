#include "app/api/auth_limit.h"

namespace dunlin::api {

std::optional<std::chrono::seconds> AuthLimit::Failed(std::string_view peer, Time now) {
  const IpAddress address = IpAddress::Parse(peer).value_or(IpAddress{}).Neighbourhood();
  const std::lock_guard lock(mutex_);
  if (now - begin_ >= kWindow) {
    failures_.clear();
    begin_ = now;
  }
  if (failures_.size() >= kAddressesMax && !failures_.contains(address)) return std::nullopt;
  std::size_t& count = failures_[address];
  if (count < kFailuresMax) {
    ++count;
    return std::nullopt;
  }
  return std::chrono::ceil<std::chrono::seconds>(kWindow - (now - begin_));
}

}  // namespace dunlin::api
