#include "workflows/attempt_outcome.h"

#include <algorithm>

namespace dunlin {
namespace {

bool SaysPaid(const Digest& d) { return d.invoice && d.invoice->status == InvoiceStatus::kPaid; }

bool SaysFailed(const Digest& d) {
  return d.failure || (d.invoice && std::any_of(d.invoice->failures.begin(), d.invoice->failures.end(),
                                                [&](const Failure& f) { return f.source == d.event; }));
}

std::string UnresolvedKey(const Attempt& attempt) { return "charge_unresolved/" + attempt.subscription.str(); }

}  // namespace

std::optional<Attempt> OutcomeInEvent(const Digest& digest, const std::vector<Attempt>& attempts) {
  if (digest.idempotency_key.empty()) return std::nullopt;
  const auto at = std::find_if(attempts.begin(), attempts.end(),
                               [&](const Attempt& a) { return a.key.str() == digest.idempotency_key; });
  if (at == attempts.end()) return std::nullopt;
  Attempt attempt = *at;
  if (digest.failure && attempt.decline.code.empty()) attempt.decline = digest.failure->decline;
  if (IsOpen(attempt.state) && (SaysPaid(digest) || SaysFailed(digest))) {
    attempt.state = SaysPaid(digest) ? AttemptState::kSucceeded : AttemptState::kDeclined;
    attempt.finished_at = digest.created;
    attempt.detail = "told by " + digest.event.str();
  }
  return attempt == *at ? std::nullopt : std::optional(std::move(attempt));
}

void Close(Unit& unit, const Attempt& ended) {
  unit.close_attempts.push_back(ended);
  unit.done.push_back(ended.job);
  unit.settle_alerts.push_back(UnresolvedKey(ended));
}

Alert Unresolved(const Attempt& attempt, const std::string& why, Timestamp now) {
  return {.key = UnresolvedKey(attempt),
          .kind = "charge_unresolved",
          .subject = attempt.subscription.str(),
          .detail = "What became of charge " + attempt.key.str() + " of invoice " + attempt.invoice.str() +
                    ", first sent at " + FormatRfc3339(attempt.first_sent_at) + ", cannot be learnt: " + why +
                    ". The provider is asked every hour until it is known, and nothing else is charged meanwhile.",
          .raised_at = now,
          .message = ""};
}

void Update(std::vector<Attempt>& attempts, const Attempt& attempt) {
  for (Attempt& a : attempts) {
    if (a.key == attempt.key) a = attempt;
  }
}

}  // namespace dunlin
