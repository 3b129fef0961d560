#include "tests/property/history.h"

#include <algorithm>
#include <array>
#include <sstream>

#include "state/failures.h"

namespace dunlin::property {
namespace {

using Kind = SubscriptionSnapshot::Kind;
using enum ProviderStatus;

constexpr Millis kPeriod = 24h * 30;

PreviousAttributes Differences(const SubscriptionSnapshot& was, const SubscriptionSnapshot& is) {
  PreviousAttributes previous;
  if (was.status != is.status) previous.status = was.status;
  if (was.cancel_at_period_end != is.cancel_at_period_end) previous.cancel_at_period_end = was.cancel_at_period_end;
  if (was.cancel_at != is.cancel_at) previous.cancel_at = was.cancel_at;
  if (was.latest_invoice != is.latest_invoice) previous.latest_invoice = was.latest_invoice;
  if (was.default_payment_method != is.default_payment_method) {
    previous.default_payment_method = was.default_payment_method;
  }
  if (was.period_end != is.period_end) previous.period_end = was.period_end;
  if (was.prices != is.prices) previous.prices = was.prices;
  return previous;
}

// The table of R23, said a second time.
SubscriptionStatus Ours(ProviderStatus word) {
  switch (word) {
    case kTrialing: return SubscriptionStatus::kTrialing;
    case kActive: return SubscriptionStatus::kActive;
    case kPastDue:
    case kUnpaid: return SubscriptionStatus::kPastDue;
    case kPaused: return SubscriptionStatus::kPaused;
    case kIncompleteExpired:
    case kCanceled: return SubscriptionStatus::kCanceled;
    case kUnknown:
    case kIncomplete: return SubscriptionStatus::kPending;
  }
  return SubscriptionStatus::kPending;
}

bool IsOver(ProviderStatus status) { return status == kCanceled || status == kIncompleteExpired; }

}  // namespace

// Half of the customers have a card for all of their subscriptions, whose change is an event of its own.
void History::NewCard() {
  method_changed_ = true;
  const std::string other = method() == "pm_1" ? "pm_2" : "pm_1";
  EventId source;
  if (now_is_.default_payment_method.empty()) {
    now_is_.customer_method = other;
    source = NextId();
  } else {
    Update([&](SubscriptionSnapshot& s) { s.default_payment_method = other; });
    source = now_is_.source;
  }
  told_.emplace_back(MethodChange{now_, source, other});
}

EventId History::NextId() {
  const std::uint32_t scattered = (++events_ * 40503u + naming_) & 0xffffu;  // an odd factor: no id comes twice
  std::ostringstream id;
  id << "evt_" << std::hex << (0x10000u + scattered);
  second_shared_ = second_shared_ || last_told_ == now_;
  last_told_ = now_;
  return EventId{id.str()};
}

// An event does not hold the customer.
void History::Tell() {
  SubscriptionSnapshot told = now_is_;
  told.customer_method.clear();
  told_.emplace_back(std::move(told));
}

void History::TellInvoice(InvoiceFact& invoice) {
  invoice.source = NextId();
  invoice.created = now_;
  told_.emplace_back(invoice);
}

template <class Change>
void History::Update(Change change) {
  const SubscriptionSnapshot was = now_is_;
  change(now_is_);
  now_is_.kind = Kind::kUpdated;
  now_is_.previous = Differences(was, now_is_);
  if (*now_is_.previous == PreviousAttributes{}) return;
  now_is_.source = NextId();
  now_is_.created = now_;
  Tell();
}

InvoiceFact& History::NewInvoice(std::string reason, InvoiceStatus status) {
  InvoiceFact invoice;
  invoice.id = InvoiceId{"in_" + std::to_string(100 + invoices_.size())};
  invoice.status = status;
  invoice.billing_reason = std::move(reason);
  invoice.auto_advance = true;
  invoice.amount_due = {4000, "usd"};
  invoice.amount_remaining = 4000;
  invoice.line_period_end = now_is_.period_end;
  invoice.made_at = now_;
  return invoices_.emplace(invoice.id.str(), invoice).first->second;
}

void History::Fail(InvoiceFact& invoice, bool automatic) {
  if (automatic && invoice.attempt_count > 0) Wait(1h);  // no schedule tries again sooner
  const bool counted = automatic || invoice.attempt_count == 0;
  if (counted) ++invoice.attempt_count;
  newest_charge_[invoice.id.str()] = now_;
  ++failures_[invoice.id.str()].first;
  if (!counted) ++failures_[invoice.id.str()].second;
  invoice.status = InvoiceStatus::kOpen;
  invoice.next_payment_attempt = now_ + 24h;
  // An event tells of one failure; the others are their own events'.
  invoice.failures = {{.at = now_, .source = {}, .key = "", .attempt_count = invoice.attempt_count}};
  invoice.source = NextId();
  invoice.created = now_;
  invoice.failures[0].source = invoice.source;
  if (!automatic) invoice.failures[0].key = "by_hand/" + invoice.source.str();
  told_.emplace_back(invoice);
  invoice.failures.clear();
}

void History::Close(InvoiceFact& invoice, InvoiceStatus status) {
  invoice.status = status;
  if (status == InvoiceStatus::kPaid) invoice.amount_remaining = 0;
  invoice.auto_advance = false;
  invoice.next_payment_attempt.reset();
  TellInvoice(invoice);
}

void History::Pay(InvoiceFact& invoice) {
  Close(invoice, InvoiceStatus::kPaid);
  if (IsOver(now_is_.status)) return;
  Update([](SubscriptionSnapshot& s) { s.status = kActive; });
}

void History::Begin(unsigned how) {
  exists_ = true;
  now_is_.customer = AccountId{"cus_1"};
  now_is_.prices = {"price_pro"};
  now_is_.period_end = now_ + kPeriod;
  (naming_ % 2 == 0 ? now_is_.default_payment_method : now_is_.customer_method) = "pm_1";
  now_is_.kind = Kind::kCreated;
  const std::array statuses = {kIncomplete, kActive, kTrialing, kTrialing};
  now_is_.status = statuses.at(how % statuses.size());
  const bool bare_trial = how % statuses.size() == 3;  // the invoice over nothing is not told of
  InvoiceFact* first = bare_trial ? nullptr : &NewInvoice("subscription_create", InvoiceStatus::kOpen);
  if (first != nullptr) now_is_.latest_invoice = first->id.str();
  now_is_.source = NextId();
  now_is_.created = now_;
  Tell();
  if (first == nullptr) return;
  if (now_is_.status == kIncomplete) return Fail(*first, true);
  Close(*first, InvoiceStatus::kPaid);
}

void History::Renew(bool paid, bool at_once) {
  Wait(at_once ? Millis{0} : Millis{24h * 30});
  InvoiceFact& invoice = NewInvoice("subscription_cycle", InvoiceStatus::kDraft);
  invoice.line_period_end = *now_is_.period_end + kPeriod;
  TellInvoice(invoice);
  Update([&](SubscriptionSnapshot& s) {
    s.status = kActive;
    s.period_end = *s.period_end + kPeriod;
    s.latest_invoice = invoice.id.str();
  });
  Wait(at_once ? Millis{0} : Millis{1h});
  if (paid) {
    invoice.attempt_count = 1;
    return Pay(invoice);
  }
  Fail(invoice, true);
  Update([](SubscriptionSnapshot& s) { s.status = kPastDue; });
}

// The period ends while an older invoice is owed: the next one is there and nobody has tried to collect it.
void History::RenewUnpaid() {
  InvoiceFact& invoice = NewInvoice("subscription_cycle", InvoiceStatus::kDraft);
  invoice.line_period_end = *now_is_.period_end + kPeriod;
  TellInvoice(invoice);
  Update([&](SubscriptionSnapshot& s) {
    s.period_end = *s.period_end + kPeriod;
    s.latest_invoice = invoice.id.str();
  });
  invoice.status = InvoiceStatus::kOpen;
  TellInvoice(invoice);
}

void History::Upgrade(bool paid) {
  InvoiceFact& invoice = NewInvoice("subscription_update", InvoiceStatus::kOpen);
  Update([&](SubscriptionSnapshot& s) {
    s.prices = {s.prices[0] == "price_pro" ? "price_plus" : "price_pro"};
    s.latest_invoice = invoice.id.str();
  });
  if (paid) return Pay(invoice);
  Fail(invoice, true);
  Update([](SubscriptionSnapshot& s) { s.status = kPastDue; });
}

void History::End() {
  now_is_.kind = Kind::kDeleted;
  now_is_.previous.reset();
  now_is_.status = kCanceled;
  now_is_.ended_at = now_;
  now_is_.source = NextId();
  now_is_.created = now_;
  Tell();
}

void History::StepWhileGood(unsigned what) {
  switch (what % 9) {
    case 0: return Renew(true, false);
    case 1: return Renew(false, false);
    case 2: return Renew(false, true);
    case 3: return now_is_.status == kTrialing ? Renew(true, true) : Upgrade(true);
    case 4: return now_is_.status == kTrialing ? Renew(true, true) : Upgrade(false);
    case 5: return End();
    case 6: return NewCard();
    case 7: return Update([](SubscriptionSnapshot& s) { s.status = kPaused; });
    default: return Update([](SubscriptionSnapshot& s) { s.cancel_at_period_end = !s.cancel_at_period_end; });
  }
}

void History::StepWhileOwing(unsigned what) {
  const bool first = now_is_.status == kIncomplete;
  switch (what % 9) {
    case 0: return Pay(Latest());
    case 8: return first ? Fail(Latest(), true) : RenewUnpaid();
    case 1: return Fail(Latest(), true);
    case 2: return Fail(Latest(), false);  // by hand: not counted
    case 3:
      Close(Latest(), InvoiceStatus::kVoid);
      return Update([&](SubscriptionSnapshot& s) { s.status = first ? kIncompleteExpired : kActive; });
    case 4: return first ? Pay(Latest()) : Update([](SubscriptionSnapshot& s) { s.status = kUnpaid; });
    case 5: return End();
    case 6: NewCard(); return Pay(Latest());
    default:
      // Written off: the provider goes on without the money.
      Close(Latest(), InvoiceStatus::kUncollectible);
      return Update([&](SubscriptionSnapshot& s) { s.status = first ? kIncompleteExpired : kActive; });
  }
}

void History::StepAfterEnd() {
  if (now_is_.latest_invoice.empty() || Latest().status != InvoiceStatus::kOpen) return;
  Pay(Latest());
}

void History::Step(std::uint16_t choice) {
  constexpr std::array<Millis, 8> kWaits = {0s, 0s, 0s, 1s, 1s, 1h, 72h, 240h};
  Wait(kWaits.at(choice % kWaits.size()));
  const auto what = static_cast<unsigned>(choice / kWaits.size());
  if (!exists_) return Begin(what);
  switch (now_is_.status) {
    case kTrialing:
    case kActive: return StepWhileGood(what);
    case kPaused: return what % 3 == 0 ? End() : Update([](SubscriptionSnapshot& s) { s.status = kActive; });
    case kIncomplete:
    case kPastDue:
    case kUnpaid: return StepWhileOwing(what);
    case kCanceled:
    case kIncompleteExpired: return StepAfterEnd();
    case kUnknown: return;
  }
}

std::vector<Fact> History::Answer(const Facts& known) {
  SubscriptionSnapshot s = now_is_;
  s.kind = Kind::kFetched;
  s.previous.reset();
  answers_ = std::max(answers_ + 1, ToUnixMillis(now_) * 1000);
  s.fetch_number = answers_;
  s.source = EventId{"fetch/" + std::to_string(answers_)};
  s.created = NewestFact(known);
  s.fence = EventsAt(known, s.created);
  std::vector<Fact> answer = {s};
  if (s.latest_invoice.empty()) return answer;
  InvoiceFact invoice = Latest();
  invoice.source = s.source;
  invoice.created = s.created;
  invoice.fetched = true;
  if (invoice.status == InvoiceStatus::kOpen && invoice.attempt_count > 0)
    CountFailures(invoice, 1, invoice.attempt_count, newest_charge_.at(invoice.id.str()));
  answer.emplace_back(invoice);
  return answer;
}

std::pair<int, int> History::FailuresOf() const {
  const auto found = failures_.find(now_is_.latest_invoice);
  return found == failures_.end() ? std::pair(0, 0) : found->second;
}

bool History::ended() const { return exists_ && IsOver(now_is_.status); }

Truth History::truth() const {
  Truth truth;
  truth.status = Ours(now_is_.status);
  truth.cancelled = ended() || now_is_.cancel_at_period_end;
  truth.plan = now_is_.prices.empty() ? "" : now_is_.prices[0] == "price_pro" ? "pro" : "pro_plus";
  truth.period_end = now_is_.period_end;
  for (const auto& [id, invoice] : invoices_) {
    if (invoice.status != InvoiceStatus::kPaid) continue;
    if (!truth.paid_until || *truth.paid_until < *invoice.line_period_end) truth.paid_until = invoice.line_period_end;
  }
  return truth;
}

void Take(Facts& facts, const Fact& fact) {
  std::visit([&](const auto& f) { Merge(facts, f); }, fact);
}

Timestamp TimeOf(const Fact& fact) {
  if (const auto* method = std::get_if<MethodChange>(&fact)) return method->at;
  if (const auto* snapshot = std::get_if<SubscriptionSnapshot>(&fact)) return snapshot->created;
  return std::get<InvoiceFact>(fact).created;
}

const PlanCatalog& Plans() {
  static const PlanCatalog kPlans{.by_price = {{"price_pro", {"pro", 2}}, {"price_plus", {"pro_plus", 3}}}};
  return kPlans;
}

std::string Show(const Fact& fact) {
  std::ostringstream out;
  out << ToUnixSeconds(TimeOf(fact)) << ' ';
  if (const auto* s = std::get_if<SubscriptionSnapshot>(&fact)) {
    out << s->source.str() << " subscription kind=" << static_cast<int>(s->kind)
        << " status=" << static_cast<int>(s->status) << " latest=" << s->latest_invoice
        << " at_period_end=" << s->cancel_at_period_end << " fence=";
    for (const EventId& id : s->fence) out << id.str() << ',';
  } else if (const auto* i = std::get_if<InvoiceFact>(&fact)) {
    out << i->source.str() << " invoice " << i->id.str() << ' ' << i->billing_reason
        << " status=" << static_cast<int>(i->status) << " attempts=" << i->attempt_count
        << " failures=" << i->failures.size();
  } else {
    out << std::get<MethodChange>(fact).source.str() << " method";
  }
  return out.str();
}

std::string Show(const std::vector<Fact>& facts) {
  std::string text;
  for (const Fact& fact : facts) text += Show(fact) + "\n";
  return text;
}

std::string Show(const Derived& d) {
  const auto time = [](const std::optional<Timestamp>& t) { return t ? std::to_string(ToUnixSeconds(*t)) : "-"; };
  std::ostringstream out;
  out << "status=" << static_cast<int>(d.values.status) << " access=" << static_cast<int>(d.values.access)
      << " plan=" << d.values.plan << " period_end=" << time(d.values.period_end)
      << " paid_until=" << time(d.values.paid_until) << " cancel_at=" << time(d.values.cancel_at)
      << " access_until=" << time(d.values.access_until) << " rule=" << d.rule << " because=" << d.because
      << " cancelled=" << d.cancelled << " owed=" << (d.collectible ? d.collectible->str() : "-")
      << " since=" << time(d.past_due_since) << " doubt=" << d.doubt << " refetch=" << d.refetch_owed
      << " unknown_price=" << d.unknown_price << " unknown_status=" << d.unknown_status;
  return out.str();
}

}  // namespace dunlin::property
