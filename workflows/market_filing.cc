#include "workflows/market_filing.h"

#include <algorithm>
#include <set>
#include <vector>

#include "state/licence.h"
#include "state/market_course.h"
#include "workflows/decide.h"

namespace dunlin {
namespace {

using Kind = MarketNotice::Kind;
using Records = std::vector<SubscriptionRecord>;  // sorted by id

// The subscriptions that the words are about, by their ids.
Result<std::set<SubscriptionId>> Meant(Ledger& ledger, const MarketWords& words) {
  std::set<SubscriptionId> meant;
  if (words.about) meant.insert(*words.about);
  const std::vector<MarketKey> keys = KeysOf(words.facts);
  std::vector<std::string> ids;
  for (const MarketKey& key : keys) ids.push_back(key.id);
  const Result<std::vector<MarketLink>> links = ledger.FindMarketLinks(ids);
  if (!links) return tl::unexpected(links.error());
  for (const MarketLink& link : *links) {
    const auto key = std::find_if(keys.begin(), keys.end(), [&](const MarketKey& k) { return k.id == link.key; });
    if (link.binds || key->binds) meant.insert(link.subscription);
  }
  return meant;
}

Result<Records> Load(Ledger& ledger, const std::set<SubscriptionId>& ids) {
  Records records;
  for (const SubscriptionId& id : ids) {
    Result<std::optional<SubscriptionRecord>> record = ledger.LoadSubscription(id);
    if (!record) return tl::unexpected(record.error());
    if (!*record) return Fail(Errc::kConflict, id.str() + " goes by another id by now");
    records.push_back(std::move(**record));
  }
  return records;
}

// A row of the timeline that changes nothing.
TimelineRow Note(const SubscriptionId& id, const std::string& event, std::string reason, Timestamp now) {
  TimelineRow row;
  row.subscription = id;
  row.at = now;
  row.kind = "note";
  row.rule = "R15";
  row.event = event;
  row.by = "provider";
  row.reason = std::move(reason);
  return row;
}

// Notices of which the newest alone counts.
enum class Series { kNone, kAction, kLicence };
Series SeriesOf(Kind kind) {
  switch (kind) {
    case Kind::kSubscribed:
    case Kind::kUnsubscribePending:
    case Kind::kUnsubscribed: return Series::kAction;
    case Kind::kLicenceUpdated:
    case Kind::kLicenceDeprovisioned: return Series::kLicence;
    case Kind::kSubscribeFailed:
    case Kind::kNoted:
    case Kind::kAgreementCreated:
    case Kind::kAgreementAmended:
    case Kind::kAgreementEnded:
    case Kind::kAdvisoryIssued:
    case Kind::kAdvisoryResolved:
    case Kind::kCancellationAsked:
    case Kind::kCancellationClosed:
    case Kind::kEntitled: return Series::kNone;
  }
  return Series::kNone;
}

std::string SupersededBy(const MarketFacts& facts, const MarketFacts& more) {
  if (more.notices.empty()) return "";
  const MarketNotice& told = more.notices.front();
  const Series series = SeriesOf(told.kind);
  if (series == Series::kNone) return "";
  const MarketNotice* newest = &told;
  for (const MarketNotice& n : facts.notices) {
    const bool same = SeriesOf(n.kind) == series &&
                      (series == Series::kAction || LicenceIdOf(n.licence) == LicenceIdOf(told.licence));
    if (same && ComesBefore(*newest, n)) newest = &n;
  }
  return newest == &told ? "" : newest->source.str();
}

class Filing {
 public:
  Filing(const MarketWords& words, Timestamp now, Unit& unit) : words_(words), now_(now), unit_(unit) {}

  MarketFiled Run(Records records, const PolicyBook& policies) {
    MarketFacts all;
    for (const SubscriptionRecord& r : records) Merge(all, r.subscription.facts.market);
    filed_.news = Merge(all, words_.facts);
    filed_.superseded_by = SupersededBy(all, words_.facts);
    filed_.subscription = CanonicalId(all);
    SubscriptionRecord record = Unite(std::move(records));
    AddLinks(record.subscription.facts.market, all);
    AddAccount(record.subscription, all);
    DecideOn(std::move(record), std::move(all), policies);
    return std::move(filed_);
  }

 private:
  // One row of all, under the id that they go by together; the others go.
  SubscriptionRecord Unite(Records records) {
    const SubscriptionId& id = filed_.subscription;
    SubscriptionRecord kept;
    kept.subscription.provider = Provider::kAwsMarketplace;
    if (!records.empty()) {
      const auto same =
          std::find_if(records.begin(), records.end(), [&](const auto& r) { return r.subscription.id == id; });
      const auto chosen = same == records.end() ? records.begin() : same;
      kept = std::move(*chosen);
      records.erase(chosen);
    }
    if (kept.subscription.version > 0 && kept.subscription.id != id) {
      Move(kept.subscription, false,
           "It goes by the id " + id.str() + " from now on, not " + kept.subscription.id.str() + ".");
    }
    for (const SubscriptionRecord& r : records) {
      Move(r.subscription, true, "What was known as " + r.subscription.id.str() + " is the same subscription.");
    }
    filed_.version = kept.subscription.version;
    kept.subscription.id = id;
    return kept;
  }

  void Move(const Subscription& from, bool joins, std::string why) {
    unit_.moves.push_back({.from = from.id, .version = from.version, .to = filed_.subscription, .joins = joins});
    unit_.timeline.push_back(Note(filed_.subscription, words_.event, std::move(why), now_));
  }

  void AddLinks(const MarketFacts& before, const MarketFacts& after) {
    const std::vector<MarketKey> known = KeysOf(before);
    for (const MarketKey& key : KeysOf(after)) {
      if (std::find(known.begin(), known.end(), key) != known.end()) continue;
      unit_.market_links.push_back({key.id, filed_.subscription, key.binds, now_});
    }
  }

  // An account that was registered differently before is found by its other ids too.
  void AddAccount(Subscription& s, const MarketFacts& facts) {
    const AccountId before = s.account;
    s.account = AccountOf(facts);
    if (words_.facts.registrations.empty() && unit_.moves.empty()) return;
    if (!before.empty() && before != s.account) unit_.aliases.push_back({before.str(), s.account});
    for (const MarketRegistration& r : facts.registrations) {
      if (!r.customer.empty() && r.customer.str() != s.account.str())
        unit_.aliases.push_back({r.customer.str(), s.account});
    }
  }

  void DecideOn(SubscriptionRecord record, MarketFacts facts, const PolicyBook& policies) {
    const Access access = record.subscription.values.access;
    Facts all;
    all.market = std::move(facts);
    Decision decision =
        Decide({.before = std::move(record), .facts = std::move(all), .now = now_, .event = words_.event}, policies);
    if (decision.next.values.access != access) filed_.access = decision.next.values.access;
    if (filed_.news && !words_.note.empty())
      decision.timeline.push_back(Note(filed_.subscription, words_.event, words_.note, now_));
    if (words_.ask) decision.jobs.push_back(AskEntitlements(filed_.subscription, now_));
    // The row is written for a question too: an answer that is on its way then knows that it may come too early.
    decision.changed = decision.changed || words_.ask || !unit_.moves.empty();
    AddTo(unit_, std::move(decision));
  }

  const MarketWords& words_;
  const Timestamp now_;
  Unit& unit_;
  MarketFiled filed_;
};

}  // namespace

Result<MarketFiled> FileMarket(Ledger& ledger, const PolicyBook& policies, const MarketWords& words, Timestamp now,
                               Unit& unit) {
  const Result<std::set<SubscriptionId>> meant = Meant(ledger, words);
  if (!meant) return tl::unexpected(meant.error());
  if (meant->empty() && words.facts.registrations.empty()) return MarketFiled{};
  Result<Records> records = Load(ledger, *meant);
  if (!records) return tl::unexpected(records.error());
  return Filing(words, now, unit).Run(std::move(*records), policies);
}

Result<std::optional<SubscriptionId>> CurrentMarketId(Ledger& ledger, const std::string& any_id) {
  const std::vector<std::string> keys = {any_id};
  const Result<std::vector<MarketLink>> links = ledger.FindMarketLinks(keys);
  if (!links) return tl::unexpected(links.error());
  if (links->size() != 1) return std::nullopt;
  return links->front().subscription;
}

Result<std::optional<Subscription>> FindMarketSubscription(Ledger& ledger, const std::string& any_id) {
  Result<std::optional<SubscriptionRecord>> record = ledger.LoadSubscription(SubscriptionId{any_id});
  if (record && !*record) {
    const Result<std::optional<SubscriptionId>> id = CurrentMarketId(ledger, any_id);
    if (!id) return tl::unexpected(id.error());
    if (*id) record = ledger.LoadSubscription(**id);
  }
  if (!record) return tl::unexpected(record.error());
  return *record ? std::optional(std::move((*record)->subscription)) : std::nullopt;
}

NewJob AskEntitlements(const SubscriptionId& id, Timestamp due) {
  return {.kind = JobKind::kEntitlements,
          .key = "entitlements/" + id.str(),
          .subject = id.str(),
          .due = due,
          .payload = "{}",
          .on_same_key = OnSameKey::kReplace};
}

}  // namespace dunlin
