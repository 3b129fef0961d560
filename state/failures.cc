#include "state/failures.h"

#include <algorithm>
#include <string_view>

namespace dunlin {
namespace {

constexpr std::string_view kCounted = "attempt/";

// More than any schedule makes; a count beyond it is some mistake, and must not fill the ledger.
constexpr int kCountedMax = 50;

// The event of a charge that failed is made a moment after the charge.
constexpr Millis kEventFollows{1min};

// Does an event tell of the attempt that answers count? By the schedule the provider itself makes every attempt but the
// first, which may be anybody's; a later request of somebody's leaves the count as it was.
bool Tells(const Failure& told, const Failure& counted) {
  if (told.attempt_count != counted.attempt_count) return false;
  return told.IsAutomatic() || (counted.attempt_count == 1 && told.at <= counted.at + kEventFollows);
}

// After a hard decline the provider's schedule goes on counting without charging: then the newest failure is still that
// of a lower count.
bool WasNoAttempt(const Failure& counted, const std::vector<Failure>& known) {
  return std::any_of(known.begin(), known.end(),
                     [&](const Failure& f) { return f.attempt_count < counted.attempt_count && f.at >= counted.at; });
}

}  // namespace

bool IsOnlyCounted(const Failure& failure) { return failure.source.str().starts_with(kCounted); }

void CountFailures(InvoiceFact& invoice, int first, int last, Timestamp by) {
  for (int n = std::max(first, last - kCountedMax + 1); n <= last; ++n) {
    // One attempt follows the other, so each was a second before the next at the latest.
    invoice.failures.push_back(
        {by - Seconds{last - n}, EventId{std::string(kCounted) + std::to_string(n)}, std::string(), n});
  }
  std::sort(invoice.failures.begin(), invoice.failures.end());
}

bool SameAttempt(const Failure& a, const Failure& b) {
  if (a.source == b.source) return true;
  if (IsOnlyCounted(a) != IsOnlyCounted(b)) return IsOnlyCounted(a) ? Tells(b, a) : Tells(a, b);
  if (!a.request.empty() && !b.request.empty()) return a.request == b.request;
  if (a.IsAutomatic() != b.IsAutomatic()) return false;
  return a.key == b.key && a.attempt_count == b.attempt_count && a.attempt_count != 0;
}

std::vector<Failure> FailedAttempts(const InvoiceFact& invoice) {
  std::vector<Failure> attempts;
  const auto add = [&](const Failure& failure) {
    const bool known =
        std::any_of(attempts.begin(), attempts.end(), [&](const Failure& f) { return SameAttempt(f, failure); });
    if (!known) attempts.push_back(failure);
  };
  std::vector<Failure> counted;
  for (const Failure& failure : invoice.failures) {
    if (IsOnlyCounted(failure)) {
      counted.push_back(failure);
    } else {
      add(failure);
    }
  }
  std::sort(counted.begin(), counted.end(),
            [](const Failure& a, const Failure& b) { return a.attempt_count < b.attempt_count; });
  for (const Failure& failure : counted) {
    if (!WasNoAttempt(failure, attempts)) add(failure);
  }
  std::sort(attempts.begin(), attempts.end());
  return attempts;
}

}  // namespace dunlin
