#include "workflows/failure_seen.h"

#include <algorithm>
#include <string>
#include <vector>

#include "state/failures.h"

namespace dunlin {
namespace {

// A failure that was only counted is called the same on each invoice.
EventId SeenAs(const InvoiceFact& owed, const Failure& failure) {
  return IsOnlyCounted(failure) ? EventId{owed.id.str() + "/" + failure.source.str()} : failure.source;
}

}  // namespace

EventId NewestFailure(const InvoiceFact& owed) {
  const std::vector<Failure> failed = FailedAttempts(owed);
  return failed.empty() ? EventId() : SeenAs(owed, failed.back());
}

EventId AskedAfter(const InvoiceFact& owed) {
  return EventId{"asked/" + owed.id.str() + "/" + std::to_string(FailedAttempts(owed).size())};
}

bool HasUntoldFailure(const InvoiceFact& owed, const EventId& told) {
  const std::vector<Failure> failed = FailedAttempts(owed);
  return !failed.empty() && std::none_of(owed.failures.begin(), owed.failures.end(), [&](const Failure& f) {
    return SeenAs(owed, f) == told && SameAttempt(f, failed.back());
  });
}

}  // namespace dunlin
