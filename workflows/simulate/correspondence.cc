#include "workflows/simulate/correspondence.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

namespace dunlin::simulate {
namespace {

constexpr Millis kToldWithin = Millis{12h};

std::string Text(const nlohmann::json& content, const char* key) {
  return content.contains(key) && content[key].is_string() ? content[key].get<std::string>() : "";
}

}  // namespace

void Correspondence::OnCommitted(const Committed& committed) {
  for (const Attempt& attempt : committed.closed) {
    if (attempt.state == AttemptState::kDeclined) declined_.emplace(attempt.key, attempt.invoice);
  }
  for (const Committed::Saved& saved : committed.saved) Follow(saved);
}

void Correspondence::Follow(const Committed::Saved& saved) {
  const RecoveryState before = std::exchange(recoveries_[saved.id], saved.recovery.state);
  if (before == RecoveryState::kEnding && saved.values.status == SubscriptionStatus::kCanceled) ++ended_[saved.id];
  if (saved.recovery.state == RecoveryState::kNone) {
    owing_.erase(saved.id);
    return;
  }
  Owing& owing = owing_[saved.id];
  const InvoiceId& invoice = saved.recovery.invoice;
  const int declined = static_cast<int>(
      std::count_if(declined_.begin(), declined_.end(), [&](const auto& one) { return one.second == invoice; }));
  const bool began = owing.invoice != invoice;
  // A recovery that begins anew tells nothing new.
  const bool failed = began ? !told_.contains({saved.id, invoice}) : declined > owing.declined;
  if (began) owing.since.reset();
  if (failed && !owing.since) owing.since = world_.now;
  owing.invoice = invoice;
  owing.declined = declined;
}

void Correspondence::OnMessage(JobId job, const nlohmann::json& content) {
  const SubscriptionId id{Text(content, "subscription")};
  if (Text(content, "kind") == "notification" && delivered_.insert(job).second)
    news_[id].push_back({content.value("version", std::int64_t{0}), Text(content, "status"), Text(content, "access")});
  if (Text(content, "kind") != "mail") return;
  const std::string kind = Text(content, "template");
  const InvoiceId invoice{Text(content, "invoice")};
  mails_[{id, kind}][invoice].insert(job);
  if (kind != "payment_failed" && kind != "method_needed") return;
  told_.insert({id, invoice});
  if (const auto owing = owing_.find(id); owing != owing_.end() && owing->second.invoice == invoice)
    owing->second.since.reset();
}

void Correspondence::CheckUntold() {
  for (const auto& [id, owing] : owing_) {
    if (owing.since && world_.now - *owing.since > kToldWithin)
      break_(id.str() + ": nobody was told that " + owing.invoice.str() + " failed (R3)");
  }
}

void Correspondence::CheckEnd(const Subscription& subscription, const std::vector<TimelineRow>& timeline) {
  const SubscriptionId& id = subscription.id;
  const auto came_back = std::count_if(timeline.begin(), timeline.end(), [](const TimelineRow& row) {
    return row.status_from == SubscriptionStatus::kPastDue && row.status_to == SubscriptionStatus::kActive;
  });
  if (const int told = Mails(id, "payment_recovered"); told != came_back) {
    break_(id.str() + ": " + std::to_string(told) + " mails tell of " + std::to_string(came_back) +
           " returns to active (R4)");
  }
  const auto ended = ended_.find(id);
  const int ends = ended == ended_.end() ? 0 : ended->second;
  if (const int told = Mails(id, "subscription_ended"); told > 1 || told < ends)
    break_(id.str() + ": " + std::to_string(told) + " mails tell of its end (R7)");
  const bool changed = std::any_of(timeline.begin(), timeline.end(),
                                   [](const TimelineRow& row) { return row.status_to || row.access_to; });
  CheckNews(subscription, changed);
}

void Correspondence::CheckNews(const Subscription& subscription, bool changed) {
  const std::string& id = subscription.id.str();
  const auto found = news_.find(subscription.id);
  if (found == news_.end()) {
    if (changed) break_(id + ": the product was told of no change");
    return;
  }
  const std::vector<News>& news = found->second;
  std::set<std::int64_t> versions;
  for (const News& one : news) {
    if (!versions.insert(one.version).second)
      break_(id + ": two notifications carry the version " + std::to_string(one.version));
  }
  const auto check = [&](const News& last, const char* which) {
    const std::string_view status = StatusName(subscription.values.status);
    const std::string_view access = AccessName(subscription.values.access);
    if (last.status == status && last.access == access) return;
    break_(id + ": the last notification by " + which + " says " + last.status + " and " + last.access + ", it is " +
           std::string(status) + " and " + std::string(access));
  };
  check(*std::max_element(news.begin(), news.end(), [](auto& a, auto& b) { return a.version < b.version; }), "version");
  check(news.back(), "delivery");
}

int Correspondence::Mails(const SubscriptionId& subscription, const std::string& kind) const {
  const auto found = mails_.find({subscription, kind});
  int mails = 0;
  if (found == mails_.end()) return mails;
  for (const auto& [invoice, jobs] : found->second) mails += static_cast<int>(jobs.size());
  return mails;
}

int Correspondence::Mails(const SubscriptionId& subscription, const std::string& kind, const InvoiceId& invoice) const {
  const auto found = mails_.find({subscription, kind});
  if (found == mails_.end()) return 0;
  const auto about = found->second.find(invoice);
  return about == found->second.end() ? 0 : static_cast<int>(about->second.size());
}

}  // namespace dunlin::simulate
