// Reads on one connection. A function that runs several statements reads one snapshot.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "state/ledger.h"
#include "state/ledger/db.h"

namespace dunlin::db {

// Ready jobs of each lane, said as the indexes of schema 3 say it: SQLite uses them for these words only.
inline constexpr const char* kReadyToApply = "state = 'ready' AND kind IN ('apply', 'access_check')";
inline constexpr std::array kReadyInLanes = {
    kReadyToApply,
    "state = 'ready' AND kind IN ('mail', 'notify', 'alert')",
    "state = 'ready' AND kind NOT IN ('apply', 'access_check', 'mail', 'notify', 'alert')",
};

// Holds the statements that read, prepared at first use for its connection, which must outlive it. The functions are
// those of Ledger, of the same names.
class Reader {
 public:
  explicit Reader(Connection& connection);

  Result<std::vector<JobRef>> DueJobs(Timestamp until, std::size_t limit);
  Result<std::vector<Work>> LoadWork(std::span<const JobId> ids);
  Result<std::optional<SubscriptionRecord>> LoadSubscription(const SubscriptionId& id);
  Result<std::vector<SubscriptionId>> SubscriptionsOf(const AccountId& account);
  Result<std::optional<Attempt>> FindAttempt(const AttemptKey& key);
  Result<std::optional<Attempt>> FindAttemptOfJob(JobId job);
  Result<std::optional<PaymentLink>> FindPayment(std::string_view payment_intent);
  Result<std::optional<SubscriptionId>> SubscriptionOfInvoice(const InvoiceId& invoice);
  Result<std::optional<Timestamp>> NewestEvent(Provider provider);

  Result<std::vector<MarketLink>> FindMarketLinks(std::span<const std::string> keys);
  Result<std::optional<RegistrationCode>> FindRegistration(std::string_view code_hash);
  Result<std::vector<StoredEvent>> Orphans(Timestamp received_before, std::size_t limit);

  Result<std::vector<UsageHour>> UsageOf(const SubscriptionId& id, Timestamp since);
  Result<std::vector<UsageHour>> FrozenUsage(std::string_view batch);
  Result<std::optional<BookedUsage>> FindUsage(const AccountId& account, std::string_view key);
  Result<UsageTotals> TotalUsage(const SubscriptionId& id);
  Result<UsageBacklog> CountUsageBacklog();
  Result<Listing<UsageHour>> UsageHours(const SubscriptionId& id, const Page& page);

  Result<std::vector<AccountId>> ResolveAccount(std::string_view any_id);
  Result<Listing<Subscription>> Subscriptions(const SubscriptionFilter& filter, const Page& page);
  Result<std::vector<TimelineRow>> Timeline(const SubscriptionId& id);
  Result<Listing<StoredEvent>> Events(const EventFilter& filter, const Page& page);
  Result<std::optional<StoredEvent>> FindEvent(Provider provider, const EventId& id);
  Result<Listing<Job>> Jobs(const JobFilter& filter, const Page& page);
  Result<std::optional<Job>> FindJob(JobId id);
  Result<Listing<Alert>> Alerts(const Page& page);
  Result<Backlog> CountBacklog(Timestamp now);
  Result<std::optional<ApiReply>> FindReply(std::string_view key);
  Result<std::optional<Token>> FindToken(std::string_view hash);
  Result<std::vector<Token>> Tokens();
  Result<std::vector<std::pair<int, std::string>>> Policies();

 private:
  // Runs `read` inside one read transaction.
  template <class F>
  auto InSnapshot(F&& read) -> decltype(read()) {
    if (const Result<std::int64_t> begun = begin_.Run(); !begun) return tl::unexpected(begun.error());
    auto result = read();
    const Result<std::int64_t> ended = commit_.Run();
    if (!ended && result) return tl::unexpected(ended.error());
    return result;
  }
  Result<bool> LoadOne(JobId id, std::vector<Work>& work);
  // Statements that are not on a hot path, kept by their text.
  Statement& Ready(const std::string& sql, std::string_view in, std::string_view out);

  Connection& connection_;
  Statement begin_, commit_, due_jobs_, job_, event_by_seq_, subscription_, attempts_;
  std::map<std::string, Statement> others_;
};

}  // namespace dunlin::db
