#include "workflows/decide_market.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "state/derive_market.h"
#include "state/market_course.h"
#include "state/usage_rules.h"
#include "workflows/market_filing.h"
#include "workflows/messages.h"
#include "workflows/usage_jobs.h"

namespace dunlin {
namespace {

using Kind = MarketNotice::Kind;

// Of two kinds of notices the newest is the one that opens something that the other closes.
bool IsOpen(const MarketFacts& facts, Kind opens, Kind closes) {
  const MarketNotice* newest = nullptr;
  for (const MarketNotice& n : facts.notices) {
    if (n.kind != opens && n.kind != closes) continue;
    if (newest == nullptr || ComesBefore(*newest, n)) newest = &n;
  }
  return newest != nullptr && newest->kind == opens;
}

// What the buyer holds as of the asking, "5 + 3" by dimension.
std::map<std::string, std::string> HeldBy(const MarketFacts& facts) {
  std::map<std::string, std::string> held;
  const EntitlementAnswer& answer = CountingAnswer(facts);
  for (const MarketEntitlement& e : answer.entitlements) {
    if (e.expires_at && *e.expires_at <= answer.asked_at) continue;
    std::string& value = held[e.dimension];
    value += (value.empty() ? "" : " + ") + e.value;
  }
  return held;
}

// "seats 5 → 10, users none → 3"; empty: nothing changed.
std::string ChangesOf(const std::map<std::string, std::string>& before,
                      const std::map<std::string, std::string>& after) {
  std::map<std::string, std::pair<std::string, std::string>> both;
  for (const auto& [dimension, value] : before) both[dimension].first = value;
  for (const auto& [dimension, value] : after) both[dimension].second = value;
  std::string text;
  for (const auto& [dimension, values] : both) {
    const auto& [from, to] = values;
    if (from == to) continue;
    text += (text.empty() ? "" : ", ") + dimension + " " + (from.empty() ? "none" : from) + " → " +
            (to.empty() ? "none" : to);
  }
  return text;
}

class Follower {
 public:
  Follower(const Situation& situation, const Derived& derived, Decision& out)
      : s_(situation),
        derived_(derived),
        out_(out),
        id_(out.next.id.str()),
        was_(situation.before.subscription.values) {}

  void Run() {
    Ending();
    Unlicensed();
    TellEntitlements();
    if (EndsNow() || PassesOn()) out_.jobs.push_back(FreezeUsageNow(out_.next.id, s_.now));
    if (out_.next.values.period_end && out_.next.values.period_end != was_.period_end) AskAtThePeriodsEnd();
    WarnWhile(Kind::kAdvisoryIssued, Kind::kAdvisoryResolved, "marketplace_advisory",
              "AWS has issued an advisory on the agreement: read it in the AWS Marketplace Management Portal.");
    WarnWhile(Kind::kCancellationAsked, Kind::kCancellationClosed, "cancellation_requested",
              "It was asked to cancel the agreement. AWS approves that by itself after 7 days: answer it before.");
  }

 private:
  // R15: access stays until AWS confirms the end. An end that is never confirmed needs a look.
  void Ending() {
    const std::string alert = "end_not_confirmed/" + id_;
    if (!derived_.ending_since) {
      out_.settle_alerts.push_back(alert);  // also that of a subscription which turned out to be this one
      return;
    }
    const bool heard = was_.cancel_at != out_.next.values.cancel_at;
    const Timestamp patience_ends = *derived_.ending_since + kEndConfirmedWithin;
    if (heard) Announce(patience_ends);
    if (patience_ends > s_.now || (!heard && s_.before.subscription.updated_at >= patience_ends)) return;
    RaiseAlert(out_.alerts,
               {.key = alert,
                .kind = "end_not_confirmed",
                .subject = id_,
                .detail = derived_.ending_why + " AWS has not confirmed the end, so access is kept: look "
                                                "at the agreement in the AWS Marketplace Management Portal.",
                .raised_at = s_.now});
    out_.jobs.push_back(AskEntitlements(out_.next.id, s_.now));
  }

  // Over a renewal access stays though no licence is there. One that never comes needs a look.
  void Unlicensed() {
    const std::string alert = "licence_not_heard/" + id_;
    const MarketNotice* before = CourseOf(s_.before.subscription.facts.market).unlicensed;
    const MarketNotice* now = CourseOf(out_.next.facts.market).unlicensed;
    if (now == nullptr) {
      out_.settle_alerts.push_back(alert);
      return;
    }
    const Timestamp patience_ends = now->at + kLicenceHeardWithin;
    const bool heard = before == nullptr || before->at != now->at;
    if (heard) LookAgain("licence/" + id_, patience_ends);
    if (patience_ends > s_.now || (!heard && s_.before.subscription.updated_at >= patience_ends)) return;
    RaiseAlert(out_.alerts, {.key = alert,
                             .kind = "licence_not_heard",
                             .subject = id_,
                             .detail = "The agreement was renewed or replaced and its licence " + now->licence.str() +
                                       " is gone, but nothing was heard of the one that follows, so access is kept: "
                                       "look at the agreement in the AWS Marketplace Management Portal.",
                             .raised_at = s_.now});
    out_.jobs.push_back(AskEntitlements(out_.next.id, s_.now));
  }

  // An end was announced, or has come: what was used until now is sent at once.
  bool EndsNow() const {
    if (derived_.ending_since) return was_.cancel_at != out_.next.values.cancel_at;
    const bool ended = out_.next.values.status == SubscriptionStatus::kCanceled;
    return ended && was_.status != SubscriptionStatus::kCanceled;
  }

  // Its agreement was renewed or replaced, or another licence took the place of the one that was metered: AWS soon
  // takes nothing more for that one.
  bool PassesOn() const {
    for (const MarketRegistration& r : s_.before.subscription.facts.market.registrations) {
      const std::optional<UsageTerms> before = UsageTermsOf(s_.before.subscription, r.product);
      const std::optional<UsageTerms> after = UsageTermsOf(out_.next, r.product);
      if (!before || !after) continue;
      if (after->passes_on && !before->passes_on) return true;
      if (MeterId(before->meter) != MeterId(after->meter)) return true;
    }
    return false;
  }

  TimelineRow Note(std::string reason) const {
    TimelineRow row;
    row.subscription = out_.next.id;
    row.at = s_.now;
    row.kind = "note";
    row.rule = "R15";
    row.event = s_.event;
    row.by = "provider";
    row.reason = std::move(reason);
    return row;
  }

  void TellEntitlements() {
    const std::string changes = ChangesOf(HeldBy(s_.before.subscription.facts.market), HeldBy(out_.next.facts.market));
    if (!changes.empty()) out_.timeline.push_back(Note("Entitlements: " + changes));
  }

  void Announce(Timestamp patience_ends) {
    TimelineRow row = Note(derived_.ending_why);
    row.next = "The last usage is due by " + FormatRfc3339(*out_.next.values.cancel_at) +
               "; access ends when AWS confirms the end.";
    out_.jobs.push_back(NotifyJob(out_.next, row.reason, s_.now));
    out_.timeline.push_back(std::move(row));
    LookAgain("access/" + id_, patience_ends);
  }

  void LookAgain(std::string key, Timestamp at) {
    out_.jobs.push_back({.kind = JobKind::kAccessCheck,
                         .key = std::move(key),
                         .subject = id_,
                         .due = std::max(at, s_.now),
                         .payload = "{}",
                         .on_same_key = OnSameKey::kReplace});
  }

  // A contract that is renewed has later entitlements by then; one that is not has none.
  void AskAtThePeriodsEnd() {
    NewJob question = AskEntitlements(out_.next.id, std::max(*out_.next.values.period_end, s_.now));
    question.key = "entitlements_at_end/" + id_;  // one of its own: a question before that is not put off by it
    out_.jobs.push_back(std::move(question));
  }

  void WarnWhile(Kind opens, Kind closes, const std::string& kind, const std::string& detail) {
    const bool was_open = IsOpen(s_.before.subscription.facts.market, opens, closes);
    const bool is_open = IsOpen(out_.next.facts.market, opens, closes);
    const std::string key = kind + "/" + id_;
    if (was_open && !is_open) out_.settle_alerts.push_back(key);
    if (is_open && !was_open)
      RaiseAlert(out_.alerts, {.key = key, .kind = kind, .subject = id_, .detail = detail, .raised_at = s_.now});
  }

  const Situation& s_;
  const Derived& derived_;
  Decision& out_;
  const std::string id_;
  const Values& was_;
};

}  // namespace

void FollowMarket(const Situation& situation, const Derived& derived, Decision& out) {
  Follower(situation, derived, out).Run();
}

}  // namespace dunlin
