// Breaks the seam: a ledger whose n-th commit is lost, before it was written or after.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <utility>
#include <vector>

#include "state/ledger.h"

namespace dunlin::testing {

// Passes everything on to `base`, which must outlive it, but for the unit it is told to lose. Units are counted from
// 1 over Commit, CommitAll and CommitThen alike. Thread-safe.
class FaultyLedger : public Ledger {
 public:
  enum class Fault {
    kBeforeWrite,  // nothing was written
    kAfterWrite,   // written and durable, and the caller is told that it failed
  };
  explicit FaultyLedger(Ledger& base) : base_(base) {}

  // From now on the `nth` unit is lost, once. 0: none.
  void LoseCommit(int nth, Fault fault) {
    fault_ = fault;
    countdown_ = nth;
  }
  // From now on every unit that says what became of this event is refused. 0: none.
  void RefuseEvent(std::int64_t seq) { refused_event_ = seq; }
  // How many units have been asked for.
  int commits() const { return commits_; }

  Result<UnitResult> Commit(Unit unit) override {
    std::vector<Unit> units;
    units.push_back(std::move(unit));
    return std::move(CommitAll(std::move(units)).front());
  }

  std::vector<Result<UnitResult>> CommitAll(std::vector<Unit> units) override {
    std::vector<Result<UnitResult>> results;
    std::vector<Unit> passed;
    std::vector<std::size_t> places;  // of each unit passed on
    std::vector<std::size_t> lost_after;
    for (std::size_t i = 0; i < units.size(); ++i) {
      ++commits_;
      const bool lose = --countdown_ == 0;
      if (IsRefused(units[i])) {
        results.push_back(Fail(Errc::kCorrupt, "this event is refused on purpose"));
        continue;
      }
      results.push_back(Lost());
      if (lose && fault_ == Fault::kBeforeWrite) continue;
      if (lose) lost_after.push_back(i);
      places.push_back(i);
      passed.push_back(std::move(units[i]));
    }
    std::vector<Result<UnitResult>> written = base_.CommitAll(std::move(passed));
    for (std::size_t i = 0; i < places.size(); ++i) results[places[i]] = std::move(written[i]);
    for (const std::size_t i : lost_after) results[i] = Lost();
    return results;
  }

  void CommitThen(Unit unit, CommitDone done) override {
    ++commits_;
    if (--countdown_ != 0) return base_.CommitThen(std::move(unit), std::move(done));
    if (fault_ == Fault::kBeforeWrite) return done(Lost());
    base_.CommitThen(std::move(unit), [done = std::move(done)](const Result<UnitResult>&) { done(Lost()); });
  }

  void OnNewJobs(JobHint hint) override { base_.OnNewJobs(std::move(hint)); }
  const std::string& instance() const override { return base_.instance(); }
  Result<std::vector<JobRef>> DueJobs(Timestamp until, std::size_t limit) override {
    return base_.DueJobs(until, limit);
  }
  Result<std::vector<Work>> LoadWork(std::span<const JobId> ids) override { return base_.LoadWork(ids); }
  Result<std::optional<SubscriptionRecord>> LoadSubscription(const SubscriptionId& id) override {
    return base_.LoadSubscription(id);
  }
  Result<std::vector<SubscriptionId>> SubscriptionsOf(const AccountId& account) override {
    return base_.SubscriptionsOf(account);
  }
  Result<std::optional<Attempt>> FindAttempt(const AttemptKey& key) override { return base_.FindAttempt(key); }
  Result<std::optional<Attempt>> FindAttemptOfJob(JobId job) override { return base_.FindAttemptOfJob(job); }
  Result<std::optional<PaymentLink>> FindPayment(std::string_view payment_intent) override {
    return base_.FindPayment(payment_intent);
  }
  Result<std::optional<SubscriptionId>> SubscriptionOfInvoice(const InvoiceId& invoice) override {
    return base_.SubscriptionOfInvoice(invoice);
  }
  Result<std::optional<Timestamp>> NewestEvent(Provider provider) override { return base_.NewestEvent(provider); }
  Result<std::vector<MarketLink>> FindMarketLinks(std::span<const std::string> keys) override {
    return base_.FindMarketLinks(keys);
  }
  Result<std::optional<RegistrationCode>> FindRegistration(std::string_view code_hash) override {
    return base_.FindRegistration(code_hash);
  }
  Result<std::vector<StoredEvent>> Orphans(Timestamp received_before, std::size_t limit) override {
    return base_.Orphans(received_before, limit);
  }
  Result<std::vector<UsageHour>> UsageOf(const SubscriptionId& id, Timestamp since) override {
    return base_.UsageOf(id, since);
  }
  Result<std::vector<UsageHour>> FrozenUsage(std::string_view batch) override { return base_.FrozenUsage(batch); }
  Result<std::optional<BookedUsage>> FindUsage(const AccountId& account, std::string_view key) override {
    return base_.FindUsage(account, key);
  }
  Result<UsageTotals> TotalUsage(const SubscriptionId& id) override { return base_.TotalUsage(id); }
  Result<UsageBacklog> CountUsageBacklog() override { return base_.CountUsageBacklog(); }
  Result<Listing<UsageHour>> UsageHours(const SubscriptionId& id, const Page& page) override {
    return base_.UsageHours(id, page);
  }
  Result<std::vector<AccountId>> ResolveAccount(std::string_view any_id) override {
    return base_.ResolveAccount(any_id);
  }
  Result<Listing<Subscription>> Subscriptions(const SubscriptionFilter& filter, const Page& page) override {
    return base_.Subscriptions(filter, page);
  }
  Result<std::vector<TimelineRow>> Timeline(const SubscriptionId& id) override { return base_.Timeline(id); }
  Result<Listing<StoredEvent>> Events(const EventFilter& filter, const Page& page) override {
    return base_.Events(filter, page);
  }
  Result<std::optional<StoredEvent>> FindEvent(Provider provider, const EventId& id) override {
    return base_.FindEvent(provider, id);
  }
  Result<Listing<Job>> Jobs(const JobFilter& filter, const Page& page) override { return base_.Jobs(filter, page); }
  Result<std::optional<Job>> FindJob(JobId id) override { return base_.FindJob(id); }
  Result<Listing<Alert>> Alerts(const Page& page) override { return base_.Alerts(page); }
  Result<Backlog> CountBacklog(Timestamp now) override { return base_.CountBacklog(now); }
  Result<std::optional<ApiReply>> FindReply(std::string_view key) override { return base_.FindReply(key); }
  Result<std::optional<Token>> FindToken(std::string_view hash) override { return base_.FindToken(hash); }
  Result<std::vector<Token>> Tokens() override { return base_.Tokens(); }
  Status KeepPolicy(int version, std::string_view text) override { return base_.KeepPolicy(version, text); }
  Result<std::vector<std::pair<int, std::string>>> Policies() override { return base_.Policies(); }
  Status CheckWritable() override { return base_.CheckWritable(); }

 private:
  static tl::unexpected<Error> Lost() { return Fail(Errc::kUnavailable, "the commit was lost on purpose"); }

  bool IsRefused(const Unit& unit) const {
    return std::any_of(unit.events.begin(), unit.events.end(),
                       [&](const EventResult& e) { return e.seq == refused_event_; });
  }

  Ledger& base_;
  std::atomic<std::int64_t> refused_event_{0};
  std::atomic<Fault> fault_{Fault::kBeforeWrite};
  std::atomic<int> countdown_{0};
  std::atomic<int> commits_{0};
};

}  // namespace dunlin::testing
