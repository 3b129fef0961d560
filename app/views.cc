#include "app/views.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <nlohmann/json.hpp>
#include <tuple>

#include "app/market_view.h"
#include "app/usage_view.h"
#include "state/merge.h"
#include "workflows/market_filing.h"
#include "workflows/schedule.h"

namespace dunlin {
namespace {

using nlohmann::json;

json TimeOrNull(const std::optional<Timestamp>& t) { return t ? json(FormatRfc3339(*t)) : json(nullptr); }
json TextOrNull(const std::string& text) { return text.empty() ? json(nullptr) : json(text); }

json CollectionView(const SubscriptionRecord& record, const PolicyBook& policies) {
  const Subscription& s = record.subscription;
  const Recovery& r = s.recovery;
  const bool runs = r.state != RecoveryState::kNone;
  const CollectionPolicy& rules =
      runs ? policies.Pinned(r.policy, r.policy_version) : policies.current().CollectionFor(s.values.plan);
  const int version = runs ? r.policy_version : policies.current().version;
  json view = {{"owner", OwnerName(s.provider == Provider::kAwsMarketplace ? Owner::kMarketplace : rules.owner)},
               {"policy", rules.name + "@" + std::to_string(version)},
               {"state", RecoveryStateName(r.state)},
               {"invoice", nullptr},
               {"amount_due", 0},
               {"currency", nullptr},
               {"attempts", 0},
               {"last_decline", nullptr},
               {"next_attempt_at", TimeOrNull(r.next_attempt_at)}};
  const InvoiceFact* invoice = runs ? FindInvoice(s.facts, r.invoice) : nullptr;
  if (invoice == nullptr) return view;
  view["invoice"] = invoice->id.str();
  view["amount_due"] = invoice->amount_remaining;
  view["currency"] = TextOrNull(invoice->amount_due.currency);
  view["attempts"] = AttemptsMade(*invoice, record.attempts);
  if (invoice->decline) view["last_decline"] = TextOrNull(invoice->decline->code);
  return view;
}

}  // namespace

json SubscriptionView(const SubscriptionRecord& record, const PolicyBook& policies, Timestamp now) {
  const Subscription& s = record.subscription;
  json view = {{"id", s.id.str()},
               {"provider", ProviderName(s.provider)},
               {"account", TextOrNull(s.account.str())},
               {"plan", TextOrNull(s.values.plan)},
               {"status", StatusName(s.values.status)},
               {"access", AccessName(AccessAt(s.values, now))},
               {"access_until", TimeOrNull(s.values.access_until)},
               {"period_end", TimeOrNull(s.values.period_end)},
               {"paid_until", TimeOrNull(s.values.paid_until)},
               {"cancel_at", TimeOrNull(s.values.cancel_at)},
               {"version", s.version},
               {"collection", CollectionView(record, policies)}};
  if (s.provider == Provider::kAwsMarketplace) view["marketplace"] = MarketView(s.facts.market);
  return view;
}

Result<json> DetailedView(Ledger& ledger, const SubscriptionRecord& record, const PolicyBook& policies, Timestamp now) {
  json view = SubscriptionView(record, policies, now);
  if (Status added = AddUsage(ledger, record.subscription, view); !added) return tl::unexpected(added.error());
  return view;
}

Status AddUsage(Ledger& ledger, const Subscription& subscription, json& view) {
  if (subscription.provider != Provider::kAwsMarketplace) return {};
  const Result<UsageTotals> totals = ledger.TotalUsage(subscription.id);
  if (!totals) return tl::unexpected(totals.error());
  view["usage"] = UsageTotalsView(*totals);
  return {};
}

json TimelineRowView(const TimelineRow& row) {
  json view = {{"at", FormatRfc3339(row.at)}, {"kind", row.kind}, {"reason", row.reason}};
  if (row.status_to) view["status"] = {{"from", StatusName(*row.status_from)}, {"to", StatusName(*row.status_to)}};
  if (row.access_to) view["access"] = {{"from", AccessName(*row.access_from)}, {"to", AccessName(*row.access_to)}};
  const std::pair<const char*, const std::string*> texts[] = {{"row", &row.row},       {"rule", &row.rule},
                                                              {"policy", &row.policy}, {"event", &row.event},
                                                              {"by", &row.by},         {"next", &row.next}};
  for (const auto& [name, text] : texts) {
    if (!text->empty()) view[name] = *text;
  }
  return view;
}

json TimelineView(const std::vector<TimelineRow>& rows, const std::vector<StoredEvent>& events) {
  std::vector<std::pair<Timestamp, json>> items;
  for (const TimelineRow& row : rows) items.emplace_back(row.at, TimelineRowView(row));
  for (const StoredEvent& event : events) {
    if (event.outcome == EventOutcome::kApplied || event.outcome == EventOutcome::kWaiting) continue;
    const Timestamp at = event.applied_at.value_or(event.received_at);
    items.emplace_back(at, json{{"at", FormatRfc3339(at)},
                                {"kind", "event"},
                                {"event", event.id.str()},
                                {"reason", event.type + " changed nothing: " + event.detail}});
  }
  std::stable_sort(items.begin(), items.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  json view = json::array();
  for (auto& [at, item] : items) view.push_back(std::move(item));
  return view;
}

json AttemptView(const Attempt& a) {
  return {{"key", a.key.str()},
          {"invoice", a.invoice.str()},
          {"kind", AttemptKindName(a.kind)},
          {"state", AttemptStateName(a.state)},
          {"step", a.kind == AttemptKind::kAutomatic ? json(a.step) : json(nullptr)},
          {"by", TextOrNull(a.by)},
          {"reason", TextOrNull(a.reason)},
          {"started_at", FormatRfc3339(a.first_sent_at)},
          {"finished_at", TimeOrNull(a.finished_at)},
          {"decline_code", TextOrNull(a.decline.code)},
          {"detail", TextOrNull(a.detail)}};
}

json EventView(const StoredEvent& e, bool with_body) {
  json view = {{"id", e.id.str()},
               {"provider", ProviderName(e.provider)},
               {"type", e.type},
               {"created", FormatRfc3339(e.created)},
               {"received_at", FormatRfc3339(e.received_at)},
               {"applied_at", TimeOrNull(e.applied_at)},
               {"livemode", e.livemode},
               {"object", TextOrNull(e.object)},
               {"subscription", TextOrNull(e.subscription)},
               {"outcome", EventOutcomeName(e.outcome)},
               {"detail", TextOrNull(e.detail)}};
  if (with_body) view["body"] = TextOrNull(e.body);
  return view;
}

json JobView(const Job& job, const std::optional<Attempt>& attempt) {
  const bool runs = attempt && IsOpen(attempt->state);
  const std::string_view state = job.state == JobState::kDead ? "dead" : runs ? "running" : "waiting";
  return {{"id", JobName(job.id)},
          {"kind", JobKindName(job.kind)},
          {"state", state},
          {"outcome", nullptr},
          {"subject", TextOrNull(job.subject)},
          {"due", FormatRfc3339(job.due)},
          {"tries", job.tries},
          {"last_error", TextOrNull(job.last_error)},
          {"attempt", attempt ? AttemptView(*attempt) : json(nullptr)}};
}

json AlertView(const Alert& a) {
  return {{"key", a.key},
          {"kind", a.kind},
          {"subject", a.subject},
          {"detail", a.detail},
          {"raised_at", FormatRfc3339(a.raised_at)}};
}

json TokenView(const Token& t) {
  return {{"id", t.id},
          {"role", RoleName(t.role)},
          {"name", t.name},
          {"created_at", FormatRfc3339(t.created_at)},
          {"expires_at", TimeOrNull(t.expires_at)},
          {"revoked_at", TimeOrNull(t.revoked_at)}};
}

std::string JobName(JobId id) { return "job_" + std::to_string(ToInt(id)); }

Result<JobId> ParseJobName(std::string_view name) {
  std::string_view digits = name;
  if (digits.starts_with("job_")) digits.remove_prefix(4);
  std::int64_t id = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), id);
  if (error == std::errc{} && end == digits.data() + digits.size() && id > 0) return JobId{id};
  return Fail(Errc::kInvalidArgument, "not a job's id; one looks like job_12");
}

namespace {

// Which of an account's subscriptions speaks for it: one with access before others, then the highest plan, then the
// one whose access lasts longest.
auto Weight(const Subscription& s, const PolicyBook& policies, Timestamp now) {
  const auto plan = policies.current().plans.find(s.values.plan);
  const int rank = plan == policies.current().plans.end() ? -1 : plan->second.rank;
  return std::tuple(AccessAt(s.values, now) == Access::kGranted, rank,
                    s.values.access_until.value_or(Timestamp::max()));
}

std::string WhyAccess(const Subscription& s, Timestamp now) {
  std::string why = "subscription " + s.id.str() + " is " + std::string(StatusName(s.values.status));
  if (!s.values.access_until) return why;
  const bool granted = AccessAt(s.values, now) == Access::kGranted;
  return why + (granted ? ", with access until " : ", and its access ended at ") +
         FormatRfc3339(*s.values.access_until);
}

Result<std::vector<Subscription>> SubscriptionsOfAll(Ledger& ledger, const std::vector<AccountId>& accounts) {
  std::vector<Subscription> all;
  for (const AccountId& account : accounts) {
    const Result<std::vector<SubscriptionId>> ids = ledger.SubscriptionsOf(account);
    if (!ids) return tl::unexpected(ids.error());
    for (const SubscriptionId& id : *ids) {
      Result<std::optional<SubscriptionRecord>> record = ledger.LoadSubscription(id);
      if (!record) return tl::unexpected(record.error());
      if (*record) all.push_back(std::move((*record)->subscription));
    }
  }
  return all;
}

}  // namespace

Result<json> AccessView(Ledger& ledger, const PolicyBook& policies, std::string_view account, Timestamp now) {
  const Result<std::vector<AccountId>> accounts = ledger.ResolveAccount(account);
  if (!accounts) return tl::unexpected(accounts.error());
  // What was asked for is not repeated: it could be an e-mail address (I10).
  if (accounts->empty()) return Fail(Errc::kNotFound, "no account has this id");
  const Result<std::vector<Subscription>> all = SubscriptionsOfAll(ledger, *accounts);
  if (!all) return tl::unexpected(all.error());
  json view = {{"account", account}, {"access", AccessName(Access::kRevoked)},      {"plan", nullptr},
               {"until", nullptr},   {"reason", "the account has no subscription"}, {"subscriptions", json::array()}};
  const Subscription* best = nullptr;
  for (const Subscription& s : *all) {
    if (best == nullptr || Weight(*best, policies, now) < Weight(s, policies, now)) best = &s;
    view["subscriptions"].push_back({{"id", s.id.str()},
                                     {"status", StatusName(s.values.status)},
                                     {"access", AccessName(AccessAt(s.values, now))},
                                     {"plan", TextOrNull(s.values.plan)},
                                     {"until", TimeOrNull(s.values.access_until)}});
  }
  if (best == nullptr) return view;
  view["reason"] = WhyAccess(*best, now);
  if (AccessAt(best->values, now) == Access::kRevoked) return view;
  view["access"] = AccessName(Access::kGranted);
  view["plan"] = TextOrNull(best->values.plan);
  view["until"] = TimeOrNull(best->values.access_until);
  return view;
}

Result<SubscriptionRecord> FindSubscription(Ledger& ledger, std::string_view any_id) {
  const std::string id(any_id);
  using Found = Result<std::optional<SubscriptionId>>;
  const std::function<Found()> ways[] = {[&]() -> Found { return SubscriptionId{id}; },
                                         [&] { return ledger.SubscriptionOfInvoice(InvoiceId{id}); },
                                         [&] { return CurrentMarketId(ledger, id); }};
  for (const auto& way : ways) {
    const Found found = way();
    if (!found) return tl::unexpected(found.error());
    if (!*found) continue;
    Result<std::optional<SubscriptionRecord>> record = ledger.LoadSubscription(**found);
    if (!record) return tl::unexpected(record.error());
    if (*record) return std::move(**record);
  }
  return Fail(Errc::kNotFound, "no subscription has this id, nor an invoice with it");
}

}  // namespace dunlin
