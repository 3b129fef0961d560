#include "workflows/schedule.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <vector>

#include "state/failures.h"
#include "workflows/decline.h"

namespace dunlin {
namespace {

// FNV-1a: the jitter must be the same on every machine and in every order of arrival.
std::uint64_t HashOf(std::string_view text) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return hash;
}

Millis Jitter(const CollectionPolicy& policy, Millis step_length, const std::string& seed) {
  const std::int64_t widest = step_length.count() * policy.jitter_percent / 100;
  if (widest <= 0) return Millis{0};
  return Millis{static_cast<std::int64_t>(HashOf(seed) % static_cast<std::uint64_t>(widest + 1))};
}

Timestamp EndOf(const Attempt& attempt) { return attempt.finished_at.value_or(attempt.first_sent_at); }

// One moment at the provider and here: the provider knows whole seconds, and an answer takes a while.
constexpr Millis kSameMoment{1min};

// A failure that nobody asked for and that came while an attempt of ours was out is that attempt's: nobody else
// collects then.
bool IsOutcome(const Failure& failure, const Attempt& attempt) {
  if (failure.key == attempt.key.str()) return true;
  if (!failure.IsAutomatic() || failure.at < std::chrono::floor<Seconds>(attempt.first_sent_at)) return false;
  return attempt.state != AttemptState::kRefused &&
         (IsOpen(attempt.state) || failure.at <= EndOf(attempt) + kSameMoment);
}

// A failed attempt on the invoice, and the attempt of ours that it is the outcome of, or nullptr.
struct Failed {
  Timestamp at;
  bool by_provider = false;  // no request asked for it
  const Attempt* ours = nullptr;

  // What staff tried, here or there, does not move the schedule (R19).
  bool IsAutomatic() const { return ours != nullptr ? ours->kind == AttemptKind::kAutomatic : by_provider; }
};

std::vector<Failed> FailedOf(const InvoiceFact* invoice, std::span<const Attempt> attempts) {
  std::vector<Failed> all;
  if (invoice == nullptr) return all;
  for (const Failure& f : FailedAttempts(*invoice)) {
    const auto ours = std::find_if(attempts.begin(), attempts.end(),
                                   [&](const Attempt& a) { return a.invoice == invoice->id && IsOutcome(f, a); });
    all.push_back({f.at, f.IsAutomatic(), ours == attempts.end() ? nullptr : &*ours});
  }
  return all;
}

// R26: the provider's time of the last automatic failure; ours only while no event has told it.
Timestamp Anchor(const InvoiceFact* invoice, std::span<const Attempt> attempts, Timestamp opened_at) {
  std::optional<Timestamp> anchor;
  const auto later = [&](Timestamp t) { anchor = anchor ? std::max(*anchor, t) : t; };
  const std::vector<Failed> failed = FailedOf(invoice, attempts);
  for (const Failed& f : failed) {
    if (f.IsAutomatic()) later(f.at);
  }
  for (const Attempt& a : attempts) {
    if (invoice == nullptr || a.invoice != invoice->id || a.kind != AttemptKind::kAutomatic) continue;
    const bool told = std::any_of(failed.begin(), failed.end(), [&](const Failed& f) { return f.ours == &a; });
    if (a.state == AttemptState::kDeclined && !told) later(EndOf(a));
  }
  return anchor.value_or(opened_at);
}

// Was it charged before it became (again) the one that is charged?
bool WasChargedBefore(const InvoiceFact* invoice, std::span<const Attempt> attempts, const MethodChange& method) {
  const auto names_it = [&](const Decline& d) { return d.payment_method == method.method; };
  return (invoice != nullptr && invoice->decline && names_it(*invoice->decline) && invoice->decline_at < method.at) ||
         std::any_of(attempts.begin(), attempts.end(),
                     [&](const Attempt& a) { return names_it(a.decline) && a.first_sent_at < method.at; });
}

// The time of every attempt, anybody's, that may have been on the payment method that is charged now. Only a method
// that was never charged before begins anew: who goes to and fro between two cards gets no more attempts than they
// have.
std::vector<Timestamp> AttemptTimes(const InvoiceFact* invoice, std::span<const Attempt> attempts,
                                    const MethodChange& method, std::span<const InvoiceFact> all) {
  const bool fresh = !method.method.empty() && !WasChargedBefore(invoice, attempts, method);
  const Timestamp since = fresh ? method.at : Timestamp{};
  const auto other = [&](const Attempt& a) {
    return !method.method.empty() && !a.decline.payment_method.empty() && a.decline.payment_method != method.method;
  };
  std::vector<Timestamp> times;
  for (const Attempt& a : attempts) {
    if (a.state != AttemptState::kRefused && a.first_sent_at >= since && !other(a)) times.push_back(a.first_sent_at);
  }
  const auto count_others = [&](const InvoiceFact* on) {
    for (const Failed& f : FailedOf(on, attempts)) {
      if (f.ours == nullptr && f.at >= since) times.push_back(f.at);
    }
  };
  count_others(invoice);
  for (const InvoiceFact& i : all) {
    if (invoice == nullptr || i.id != invoice->id) count_others(&i);
  }
  std::sort(times.begin(), times.end());
  return times;
}

// Two attempts are never closer than min_gap, on whatever method they were, and refused ones too (R26).
Timestamp GapFrom(const CollectionPolicy& policy, const InvoiceFact* invoice, std::span<const Attempt> attempts) {
  std::optional<Timestamp> last;
  for (const Attempt& a : attempts) last = last ? std::max(*last, a.first_sent_at) : a.first_sent_at;
  for (const Failed& f : FailedOf(invoice, attempts)) {
    if (f.ours == nullptr) last = last ? std::max(*last, f.at) : f.at;
  }
  return last ? *last + policy.min_gap : Timestamp{};
}

bool IsHard(const Decline& decline) { return ClassifyDecline(decline) != DeclineClass::kSoft; }

// R18: the card that was declined must not be tried again, and no other has come since.
bool NeedsMethod(const InvoiceFact* invoice, std::span<const Attempt> attempts, const MethodChange& method) {
  if (IsDeclinedForGood(invoice, attempts, method)) return true;
  if (invoice == nullptr || !invoice->decline || !IsHard(*invoice->decline)) return false;
  return method.source.empty() || method.at < invoice->decline_at;
}

// The moment from which the networks' limit leaves room for one more attempt.
Timestamp RoomFrom(const CollectionPolicy& policy, const std::vector<Timestamp>& times) {
  const std::size_t most = static_cast<std::size_t>(policy.network_attempts_max);
  return times.size() < most ? Timestamp{} : times[times.size() - most] + policy.network_window;
}

}  // namespace

bool IsDeclinedForGood(const InvoiceFact* invoice, std::span<const Attempt> attempts, const MethodChange& method) {
  if (method.method.empty()) return false;
  const auto forbids = [&](const Decline& d) { return d.payment_method == method.method && IsHard(d); };
  return (invoice != nullptr && invoice->decline && forbids(*invoice->decline)) ||
         std::any_of(attempts.begin(), attempts.end(), [&](const Attempt& a) { return forbids(a.decline); });
}

Timestamp NewMethodFrom(const CollectionPolicy& policy, const InvoiceFact* invoice, std::span<const Attempt> attempts,
                        const MethodChange& method, Timestamp now, std::span<const InvoiceFact> all) {
  Timestamp from = std::max(now, RoomFrom(policy, AttemptTimes(invoice, attempts, method, all)));
  for (const Attempt& a : attempts) {
    if (a.kind == AttemptKind::kNewMethod) from = std::max(from, a.first_sent_at + policy.min_gap);
  }
  return from;
}

int StepsUsed(const InvoiceId& invoice, std::span<const Attempt> attempts) {
  int used = 0;
  std::map<int, int> unknown;
  for (const Attempt& a : attempts) {
    if (a.kind != AttemptKind::kAutomatic || a.invoice != invoice) continue;
    const bool spent = a.state != AttemptState::kUnknown || ++unknown[a.step] >= kUnknownAttemptsPerStep;
    if (spent) used = std::max(used, a.step + 1);
  }
  return used;
}

int AttemptsMade(const InvoiceFact& invoice, std::span<const Attempt> attempts) {
  const auto ours = std::count_if(attempts.begin(), attempts.end(), [&](const Attempt& a) {
    return a.invoice == invoice.id && a.state != AttemptState::kRefused;
  });
  const std::vector<Failed> failed = FailedOf(&invoice, attempts);
  const auto others = std::count_if(failed.begin(), failed.end(), [](const Failed& f) { return f.ours == nullptr; });
  return static_cast<int>(ours + others);
}

int AttemptsInWindow(const CollectionPolicy& policy, const InvoiceFact* invoice, std::span<const Attempt> attempts,
                     const MethodChange& method, Timestamp now, std::span<const InvoiceFact> all) {
  const std::vector<Timestamp> times = AttemptTimes(invoice, attempts, method, all);
  return static_cast<int>(
      std::count_if(times.begin(), times.end(), [&](Timestamp t) { return t > now - policy.network_window; }));
}

Outlook LookAhead(const CollectionPolicy& policy, const InvoiceFact* invoice, std::span<const Attempt> attempts,
                  const MethodChange& method, Timestamp opened_at, const std::string& subscription, Timestamp now,
                  std::span<const InvoiceFact> all) {
  const int steps = static_cast<int>(policy.retry_after.size());
  const std::string id = invoice == nullptr ? "" : invoice->id.str();
  const auto length = [&](int step) {
    const Millis base = policy.retry_after[static_cast<std::size_t>(step)];
    return base + Jitter(policy, base, subscription + "/" + id + "/" + std::to_string(step));
  };
  const Guard spent = policy.exhausted == Exhausted::kCancel ? Guard::kSpentCancel : Guard::kSpentStay;
  Outlook out{.guard = spent, .at = now, .step = steps, .steps = steps};

  int step = StepsUsed(InvoiceId{id}, attempts);
  Timestamp at = Anchor(invoice, attempts, opened_at);
  if (NeedsMethod(invoice, attempts, method)) {
    // The schedule goes on without executing; when it ends, it has ended.
    for (; step < steps; ++step) at += length(step);
    if (at > now) out = {.guard = Guard::kMethodNeeded, .at = at, .step = steps, .steps = steps};
    return out;
  }
  if (step >= steps) return out;
  at += length(step);
  while (at <= now && step + 1 < steps && at + length(step + 1) <= now) {
    ++step;
    at += length(step);
    out.overdue = true;
  }
  out.overdue = out.overdue || at <= now;
  const Timestamp room = RoomFrom(policy, AttemptTimes(invoice, attempts, method, all));
  at = std::max({at, now, room, GapFrom(policy, invoice, attempts)});
  out.guard = Guard::kAttemptAhead;
  out.at = at;
  out.step = step;
  return out;
}

}  // namespace dunlin
