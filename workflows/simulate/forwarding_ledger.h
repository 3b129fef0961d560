// Passes every call on to another ledger: what wraps one overrides only what it changes.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "state/ledger.h"

namespace dunlin {

// `base` must outlive this.
class ForwardingLedger : public Ledger {
 public:
  explicit ForwardingLedger(Ledger& base) : base_(base) {}

  Result<UnitResult> Commit(Unit unit) override { return base_.Commit(std::move(unit)); }
  std::vector<Result<UnitResult>> CommitAll(std::vector<Unit> units) override {
    return base_.CommitAll(std::move(units));
  }
  void CommitThen(Unit unit, CommitDone done) override { base_.CommitThen(std::move(unit), std::move(done)); }
  void OnNewJobs(JobHint hint) override { base_.OnNewJobs(std::move(hint)); }
  const std::string& instance() const override { return base_.instance(); }
  Result<std::vector<JobRef>> DueJobs(Timestamp until, std::size_t limit) override {
    return Ask([&] { return base_.DueJobs(until, limit); });
  }
  Result<std::vector<Work>> LoadWork(std::span<const JobId> ids) override {
    return Ask([&] { return base_.LoadWork(ids); });
  }
  Result<std::optional<SubscriptionRecord>> LoadSubscription(const SubscriptionId& id) override {
    return Ask([&] { return base_.LoadSubscription(id); });
  }
  Result<std::vector<SubscriptionId>> SubscriptionsOf(const AccountId& account) override {
    return Ask([&] { return base_.SubscriptionsOf(account); });
  }
  Result<std::optional<Attempt>> FindAttempt(const AttemptKey& key) override {
    return Ask([&] { return base_.FindAttempt(key); });
  }
  Result<std::optional<Attempt>> FindAttemptOfJob(JobId job) override {
    return Ask([&] { return base_.FindAttemptOfJob(job); });
  }
  Result<std::optional<PaymentLink>> FindPayment(std::string_view payment_intent) override {
    return Ask([&] { return base_.FindPayment(payment_intent); });
  }
  Result<std::optional<SubscriptionId>> SubscriptionOfInvoice(const InvoiceId& invoice) override {
    return Ask([&] { return base_.SubscriptionOfInvoice(invoice); });
  }
  Result<std::optional<Timestamp>> NewestEvent(Provider provider) override {
    return Ask([&] { return base_.NewestEvent(provider); });
  }
  Result<std::vector<MarketLink>> FindMarketLinks(std::span<const std::string> keys) override {
    return Ask([&] { return base_.FindMarketLinks(keys); });
  }
  Result<std::optional<RegistrationCode>> FindRegistration(std::string_view code_hash) override {
    return Ask([&] { return base_.FindRegistration(code_hash); });
  }
  Result<std::vector<StoredEvent>> Orphans(Timestamp received_before, std::size_t limit) override {
    return Ask([&] { return base_.Orphans(received_before, limit); });
  }
  Result<std::vector<UsageHour>> UsageOf(const SubscriptionId& id, Timestamp since) override {
    return Ask([&] { return base_.UsageOf(id, since); });
  }
  Result<std::vector<UsageHour>> FrozenUsage(std::string_view batch) override {
    return Ask([&] { return base_.FrozenUsage(batch); });
  }
  Result<std::optional<BookedUsage>> FindUsage(const AccountId& account, std::string_view key) override {
    return Ask([&] { return base_.FindUsage(account, key); });
  }
  Result<UsageTotals> TotalUsage(const SubscriptionId& id) override {
    return Ask([&] { return base_.TotalUsage(id); });
  }
  Result<UsageBacklog> CountUsageBacklog() override {
    return Ask([&] { return base_.CountUsageBacklog(); });
  }
  Result<Listing<UsageHour>> UsageHours(const SubscriptionId& id, const Page& page) override {
    return Ask([&] { return base_.UsageHours(id, page); });
  }
  Result<std::vector<AccountId>> ResolveAccount(std::string_view any_id) override {
    return Ask([&] { return base_.ResolveAccount(any_id); });
  }
  Result<Listing<Subscription>> Subscriptions(const SubscriptionFilter& filter, const Page& page) override {
    return Ask([&] { return base_.Subscriptions(filter, page); });
  }
  Result<std::vector<TimelineRow>> Timeline(const SubscriptionId& id) override {
    return Ask([&] { return base_.Timeline(id); });
  }
  Result<Listing<StoredEvent>> Events(const EventFilter& filter, const Page& page) override {
    return Ask([&] { return base_.Events(filter, page); });
  }
  Result<std::optional<StoredEvent>> FindEvent(Provider provider, const EventId& id) override {
    return Ask([&] { return base_.FindEvent(provider, id); });
  }
  Result<Listing<Job>> Jobs(const JobFilter& filter, const Page& page) override {
    return Ask([&] { return base_.Jobs(filter, page); });
  }
  Result<std::optional<Job>> FindJob(JobId id) override {
    return Ask([&] { return base_.FindJob(id); });
  }
  Result<Listing<Alert>> Alerts(const Page& page) override {
    return Ask([&] { return base_.Alerts(page); });
  }
  Result<Backlog> CountBacklog(Timestamp now) override {
    return Ask([&] { return base_.CountBacklog(now); });
  }
  Result<std::optional<ApiReply>> FindReply(std::string_view key) override {
    return Ask([&] { return base_.FindReply(key); });
  }
  Result<std::optional<Token>> FindToken(std::string_view hash) override {
    return Ask([&] { return base_.FindToken(hash); });
  }
  Result<std::vector<Token>> Tokens() override {
    return Ask([&] { return base_.Tokens(); });
  }
  Status KeepPolicy(int version, std::string_view text) override {
    return Ask([&] { return base_.KeepPolicy(version, text); });
  }
  Result<std::vector<std::pair<int, std::string>>> Policies() override {
    return Ask([&] { return base_.Policies(); });
  }
  Status CheckWritable() override {
    return Ask([&] { return base_.CheckWritable(); });
  }

 protected:
  Ledger& base() { return base_; }
  // Before everything but commits: an error is what the caller gets instead.
  virtual Status MayAsk() { return {}; }

 private:
  template <class Call>
  auto Ask(Call call) -> decltype(call()) {
    if (Status may = MayAsk(); !may) return tl::unexpected<Error>(std::move(may.error()));
    return call();
  }

  Ledger& base_;
};

}  // namespace dunlin
