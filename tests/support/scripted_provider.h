// A provider that answers as it is told, records every call, and can do something in the middle of one.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "state/clock.h"
#include "workflows/provider.h"

namespace dunlin::testing {

class ManualClock final : public Clock {
 public:
  explicit ManualClock(Timestamp now) : now_ms_(ToUnixMillis(now)) {}
  Timestamp Now() const override { return FromUnixMillis(now_ms_); }
  void Set(Timestamp now) { now_ms_ = ToUnixMillis(now); }
  void Advance(Millis by) { now_ms_ += by.count(); }

 private:
  std::atomic<std::int64_t> now_ms_;
};

// Thread-safe. What is asked for without having been told answers kUnavailable (Pay: kUnknown).
class ScriptedProvider final : public ProviderApi {
 public:
  struct Call {
    std::string what;  // "pay in_1", "take_over in_1", "cancel sub_1", "get sub_1", "get in_1", "payment pi_1", "list"
    std::string key;
    std::string parameters;
  };
  // Runs inside each call, before its answer: an event that arrives first, a crash, a wait.
  std::function<void(const Call&)> during;
  // Says whether a call goes wrong, before anything comes of it. A payment that does has no answer.
  std::function<std::optional<Error>(const Call&)> fails;
  // What happens inside payments alone.
  void DuringPay(std::function<void(const Call&)> act) {
    during = [act = std::move(act)](const Call& call) {
      if (call.what.starts_with("pay ")) act(call);
    };
  }
  // Runs whenever the parameters of a payment are asked for, which is while a charge is being decided.
  std::function<void()> during_parameters;

  void WillPay(PayAnswer answer) { pays_.push_back(std::move(answer)); }
  void WillTakeOver(Result<InvoiceAnswer> answer) { take_overs_.push_back(std::move(answer)); }
  void WillCancel(Result<SubscriptionAnswer> answer) { cancels_.push_back(std::move(answer)); }
  void WillList(Result<EventsPage> page) { pages_.push_back(std::move(page)); }
  // From now on.
  void Shows(Result<InvoiceAnswer> answer, const std::string& id) { invoices_.insert_or_assign(id, std::move(answer)); }
  void Shows(Result<SubscriptionAnswer> answer, const std::string& id) {
    subscriptions_.insert_or_assign(id, std::move(answer));
  }
  void ShowsPayment(const std::string& payment, Result<InvoiceId> invoice) {
    payments_.insert_or_assign(payment, std::move(invoice));
  }

  std::vector<Call> calls() const {
    const std::lock_guard lock(mutex_);
    return calls_;
  }
  std::vector<std::string> Words() const {
    std::vector<std::string> words;
    for (const Call& call : calls()) words.push_back(call.what);
    return words;
  }
  std::vector<Call> Pays() const {
    std::vector<Call> pays;
    for (const Call& call : calls()) {
      if (call.what.starts_with("pay ")) pays.push_back(call);
    }
    return pays;
  }

  PayAnswer Pay(const Attempt& attempt) override {
    if (const Status called = Note({"pay " + attempt.invoice.str(), attempt.key.str(), attempt.parameters}); !called)
      return {.outcome = PayOutcome::kUnknown, .detail = called.error().detail};
    const std::lock_guard lock(mutex_);
    if (pays_.empty()) return {.outcome = PayOutcome::kUnknown, .detail = "no answer"};
    return Take(pays_);
  }
  std::string PayParameters(const InvoiceId& invoice) const override {
    if (during_parameters) during_parameters();
    return "off_session=true&n=" + std::to_string(++parameters_asked_) + "&of=" + invoice.str();
  }
  Result<InvoiceAnswer> TakeOver(const InvoiceId& invoice, std::string_view key) override {
    if (Status called = Note({"take_over " + invoice.str(), std::string(key), ""}); !called)
      return tl::unexpected(std::move(called.error()));
    const std::lock_guard lock(mutex_);
    return take_overs_.empty() ? Result<InvoiceAnswer>(NoAnswer()) : Take(take_overs_);
  }
  Result<SubscriptionAnswer> Cancel(const SubscriptionId& id, std::string_view key) override {
    if (Status called = Note({"cancel " + id.str(), std::string(key), ""}); !called)
      return tl::unexpected(std::move(called.error()));
    const std::lock_guard lock(mutex_);
    return cancels_.empty() ? Result<SubscriptionAnswer>(NoAnswer()) : Take(cancels_);
  }
  Result<SubscriptionAnswer> FetchSubscription(const SubscriptionId& id) override {
    if (Status called = Note({"get " + id.str(), "", ""}); !called) return tl::unexpected(std::move(called.error()));
    return Shown(subscriptions_, id.str());
  }
  Result<InvoiceAnswer> FetchInvoice(const InvoiceId& id) override {
    if (Status called = Note({"get " + id.str(), "", ""}); !called) return tl::unexpected(std::move(called.error()));
    return Shown(invoices_, id.str());
  }
  Result<InvoiceId> InvoiceOfPayment(std::string_view payment) override {
    if (Status called = Note({"payment " + std::string(payment), "", ""}); !called)
      return tl::unexpected(std::move(called.error()));
    return Shown(payments_, std::string(payment));
  }
  Result<EventsPage> ListEvents(Timestamp since, std::string_view cursor) override {
    if (Status called = Note({"list", std::string(cursor), FormatRfc3339(since)}); !called)
      return tl::unexpected(std::move(called.error()));
    const std::lock_guard lock(mutex_);
    return pages_.empty() ? Result<EventsPage>(EventsPage{}) : Take(pages_);
  }

 private:
  static tl::unexpected<Error> NoAnswer() { return Fail(Errc::kUnavailable, "no answer"); }
  Status Note(Call call) {
    {
      const std::lock_guard lock(mutex_);
      calls_.push_back(call);
    }
    if (fails) {
      if (std::optional<Error> error = fails(call)) return tl::unexpected(std::move(*error));
    }
    if (during) during(call);
    return {};
  }
  template <class T>
  static T Take(std::vector<T>& answers) {
    T first = std::move(answers.front());
    answers.erase(answers.begin());
    return first;
  }
  template <class T>
  Result<T> Shown(const std::map<std::string, Result<T>>& told, const std::string& id) {
    const std::lock_guard lock(mutex_);
    const auto found = told.find(id);
    return found == told.end() ? Result<T>(NoAnswer()) : found->second;
  }

  mutable std::mutex mutex_;
  mutable std::atomic<int> parameters_asked_{0};
  std::vector<Call> calls_;
  std::vector<PayAnswer> pays_;
  std::vector<Result<InvoiceAnswer>> take_overs_;
  std::vector<Result<SubscriptionAnswer>> cancels_;
  std::vector<Result<EventsPage>> pages_;
  std::map<std::string, Result<InvoiceAnswer>> invoices_;
  std::map<std::string, Result<SubscriptionAnswer>> subscriptions_;
  std::map<std::string, Result<InvoiceId>> payments_;
};

}  // namespace dunlin::testing
