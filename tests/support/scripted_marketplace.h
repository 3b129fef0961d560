// A marketplace that answers as it is told, records every question, and can do something in the middle of one.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "workflows/marketplace_api.h"

namespace dunlin::testing {

// Thread-safe. Before it is told what to answer, every call is kTemporary; afterwards it goes on answering that.
class ScriptedMarketplace final : public MarketplaceApi {
 public:
  std::function<void()> during;  // runs inside each call, before its answer
  // Says whether a call goes wrong, before anything comes of it.
  std::function<std::optional<MarketplaceErrc>()> fails;

  void WillResolve(MarketplaceResult<ResolvedCustomer> answer) {
    const std::lock_guard lock(mutex_);
    resolved_ = std::move(answer);
  }
  void WillEntitle(MarketplaceResult<std::vector<Entitlement>> answer) {
    const std::lock_guard lock(mutex_);
    entitlements_ = std::move(answer);
  }
  using Meter = std::function<MarketplaceResult<std::vector<UsageOutcome>>(std::span<const UsageRecord>)>;
  void WillMeter(Meter meter) {
    const std::lock_guard lock(mutex_);
    meter_ = std::move(meter);
  }
  // "entitlements prod1 l-01", "meter 3", "resolve TOKEN", in the order of the calls.
  std::vector<std::string> calls() const {
    const std::lock_guard lock(mutex_);
    return calls_;
  }

  MarketplaceResult<ResolvedCustomer> ResolveCustomer(std::string_view token) override {
    if (const auto error = Note("resolve " + std::string(token))) return Fail(*error, "as the test asks");
    const std::lock_guard lock(mutex_);
    return resolved_;
  }
  MarketplaceResult<std::vector<Entitlement>> GetEntitlements(const EntitlementQuery& query) override {
    const std::string owner = std::visit([](const auto& id) { return id.str(); }, query.owner);
    if (const auto error = Note("entitlements " + query.product.str() + " " + owner))
      return Fail(*error, "as the test asks");
    const std::lock_guard lock(mutex_);
    return entitlements_;
  }
  MarketplaceResult<std::vector<UsageOutcome>> BatchMeterUsage(std::span<const UsageRecord> records) override {
    if (const auto error = Note("meter " + std::to_string(records.size()))) return Fail(*error, "as the test asks");
    const std::lock_guard lock(mutex_);
    return meter_(records);
  }

 private:
  std::optional<MarketplaceErrc> Note(std::string call) {
    {
      const std::lock_guard lock(mutex_);
      calls_.push_back(std::move(call));
    }
    if (fails) {
      if (const std::optional<MarketplaceErrc> error = fails()) return error;
    }
    if (during) during();
    return std::nullopt;
  }

  mutable std::mutex mutex_;
  std::vector<std::string> calls_;
  MarketplaceResult<ResolvedCustomer> resolved_ = Fail(MarketplaceErrc::kTemporary, "not told");
  MarketplaceResult<std::vector<Entitlement>> entitlements_ = Fail(MarketplaceErrc::kTemporary, "not told");
  Meter meter_ = [](std::span<const UsageRecord>) { return Fail(MarketplaceErrc::kTemporary, "not told"); };
};

}  // namespace dunlin::testing
