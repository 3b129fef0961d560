// A small provider that lives through a made-up history of one subscription, tells of every step in the facts that its
// webhooks would leave, and knows how things really stand. It draws no chance of its own: the same steps, the same
// history.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "state/derive.h"
#include "state/facts.h"
#include "state/merge.h"

namespace dunlin::property {

using Fact = std::variant<SubscriptionSnapshot, InvoiceFact, MethodChange>;

// What derive must come to once everything has arrived.
struct Truth {
  SubscriptionStatus status = SubscriptionStatus::kPending;
  bool cancelled = false;
  std::string plan;
  std::optional<Timestamp> period_end;
  std::optional<Timestamp> paid_until;  // only where an invoice was paid
};

class History {
 public:
  // `naming` scatters the event ids: they say nothing about time, as with a real provider.
  explicit History(std::uint32_t naming) : naming_(naming) {}

  // One step, chosen by `choice` among those that fit the state. Every step takes its own time first: none (so that
  // several fall in one second), a second, hours or days.
  void Step(std::uint16_t choice);
  void Wait(Millis time) { now_ += std::chrono::floor<Seconds>(time); }

  // Asks the provider now: the subscription and its latest invoice, fenced by what `known` holds.
  std::vector<Fact> Answer(const Facts& known);

  const std::vector<Fact>& told() const { return told_; }  // in the order in which it happened
  Timestamp now() const { return now_; }
  bool exists() const { return exists_; }
  bool ended() const;
  Truth truth() const;
  // How many payments of the invoice that is owed failed; those among them that the provider does not count.
  int failed() const { return FailuresOf().first; }
  int failed_by_hand() const { return FailuresOf().second; }
  // The method that is charged, and whether it ever was another one.
  const std::string& method() const {
    return now_is_.default_payment_method.empty() ? now_is_.customer_method : now_is_.default_payment_method;
  }
  bool method_changed() const { return method_changed_; }
  const std::string& latest_invoice() const { return now_is_.latest_invoice; }
  // Every event has a second of its own, so nothing can be tied.
  bool no_second_shared() const { return !second_shared_; }

 private:
  void Begin(unsigned how);
  void StepWhileGood(unsigned what);
  void StepWhileOwing(unsigned what);
  void StepAfterEnd();

  void Renew(bool paid, bool at_once);
  void RenewUnpaid();
  void Upgrade(bool paid);
  void Fail(InvoiceFact& invoice, bool automatic);
  void NewCard();
  void Pay(InvoiceFact& invoice);
  void Close(InvoiceFact& invoice, InvoiceStatus status);
  void End();
  InvoiceFact& NewInvoice(std::string reason, InvoiceStatus status);
  std::pair<int, int> FailuresOf() const;
  InvoiceFact& Latest() { return invoices_.at(now_is_.latest_invoice); }

  EventId NextId();
  void Tell();
  void TellInvoice(InvoiceFact& invoice);
  // Changes the subscription and tells of it, with the values that were there before.
  template <class Change>
  void Update(Change change);

  std::uint32_t naming_;
  std::uint32_t events_ = 0;
  std::int64_t answers_ = 0;
  Timestamp now_ = FromUnixSeconds(1'790'000'000);
  Timestamp last_told_{};
  bool second_shared_ = false;
  bool exists_ = false;
  bool method_changed_ = false;
  SubscriptionSnapshot now_is_;
  std::map<std::string, InvoiceFact> invoices_;
  std::map<std::string, Timestamp> newest_charge_;  // that was declined, of each invoice
  std::map<std::string, std::pair<int, int>> failures_;
  std::vector<Fact> told_;
};

void Take(Facts& facts, const Fact& fact);
Timestamp TimeOf(const Fact& fact);
const PlanCatalog& Plans();
std::string Show(const Fact& fact);
std::string Show(const std::vector<Fact>& facts);
std::string Show(const Derived& derived);  // everything in it, so that equal texts mean equal values

}  // namespace dunlin::property
