// An engine on a real ledger, with a scripted provider and a clock that stands still.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/support/faulty_ledger.h"
#include "tests/support/scratch.h"
#include "tests/support/scripted_marketplace.h"
#include "tests/support/scripted_provider.h"
#include "tests/support/story.h"
#include "workflows/apply.h"
#include "workflows/effects/effects.h"

namespace dunlin::testing {

class FixedRandom final : public Random {  // thread-safe
 public:
  std::uint64_t Next() override { return ++n_ * 0x9E3779B97F4A7C15ULL; }

 private:
  std::atomic<std::uint64_t> n_{0};
};

class RecordingOutbox final : public Outbox {
 public:
  Status Deliver(JobId, std::string_view message) override {
    if (!fails.empty()) return Fail(Errc::kUnavailable, fails);
    const std::lock_guard lock(mutex_);
    messages.emplace_back(message);
    return {};
  }
  std::string fails;  // not empty: deliveries fail with this
  std::vector<std::string> messages;

 private:
  std::mutex mutex_;
};

// A Digest for each made-up body; a body that was not given one cannot be read.
class Digests {
 public:
  void Add(Digest digest) { digests_.insert_or_assign(digest.event.str(), std::move(digest)); }
  Result<Digest> Read(std::string_view body) const {
    const auto found = digests_.find(body);
    if (found == digests_.end()) return Fail(Errc::kInvalidArgument, "it cannot be read");
    return found->second;
  }

 private:
  std::map<std::string, Digest, std::less<>> digests_;
};

struct World {
  explicit World(const CollectionPolicy& policy = ServicePolicy(), const std::string& location = "sqlite::memory:");

  // Stores the event and applies it.
  void Hear(Digest digest);
  void Store(const Digest& digest);
  // Runs what is due now, effects and applies, once each; returns how many jobs ran.
  int RunDue(bool messages = false);
  // Runs due jobs, advancing the clock to the next one, until `until`.
  void RunUntil(Timestamp until);
  // The job's own run, by key, whenever it is due.
  void Run(const std::string& key);
  std::optional<Job> FindJob(const std::string& key);
  std::vector<Job> Jobs(JobKind kind) { return base->Jobs({.kind = kind}, {}).value().items; }

  SubscriptionRecord Record(const std::string& id = "sub_1");
  Recovery recovery() { return Record().subscription.recovery; }
  std::vector<Attempt> attempts() { return Record().attempts; }
  std::vector<std::string> OpenAlerts();
  std::vector<std::string> Reasons(const std::string& kind);

  // The provider shows sub_1 as past due, with in_1 still open and ours.
  void ShowOwed();
  // To the state where the first automatic attempt is due now.
  void ReachDue();

  std::unique_ptr<Ledger> base;
  FaultyLedger ledger;
  ManualClock clock{kNoon};
  FixedRandom random;
  PolicyBook policies;
  ScriptedProvider provider;
  ScriptedMarketplace marketplace;
  RecordingOutbox outbox;
  Observer observer;
  Digests digests;
  Engine engine;
};

Digest FailureDigest(std::string id, Timestamp at, std::string key = "", int count = 1);
// A thin event: it only names the object, "invoice" or another.
Digest ThinDigest(std::string id, Timestamp at, std::string kind, std::string object);
Digest PaidDigest(std::string id, Timestamp at, std::string key = "");
Digest SnapshotDigest(std::string id, Timestamp at, ProviderStatus status);
Digest MethodDigest(std::string id, Timestamp at);
InvoiceAnswer Answer(InvoiceFact invoice);
SubscriptionAnswer Standing(ProviderStatus status);
PayAnswer Paid();
PayAnswer Declined(const char* code = "insufficient_funds");

inline constexpr const char* kCharge = "charge/sub_1";

}  // namespace dunlin::testing
