#include "workflows/attempt_outcome.h"

#include <algorithm>

namespace dunlin {
namespace {

bool SaysPaid(const Digest& d) { return d.invoice && d.invoice->status == InvoiceStatus::kPaid; }

bool SaysFailed(const Digest& d) {
  return d.failure || (d.invoice && std::any_of(d.invoice->failures.begin(), d.invoice->failures.end(),
                                                [&](const Failure& f) { return f.source == d.event; }));
}

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

void Update(std::vector<Attempt>& attempts, const Attempt& attempt) {
  for (Attempt& a : attempts) {
    if (a.key == attempt.key) a = attempt;
  }
}

}  // namespace dunlin
