// What the workers work with. Everything in it is thread-safe and outlives them.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "state/clock.h"
#include "state/ledger.h"
#include "workflows/digest.h"
#include "workflows/marketplace_api.h"
#include "workflows/observer.h"
#include "workflows/outbox.h"
#include "workflows/policy_book.h"
#include "workflows/provider.h"

namespace dunlin {

inline constexpr Millis kRetain = Millis{24h} * 40;

struct Engine {
  Ledger& ledger;
  ProviderApi& provider;
  MarketplaceApi& marketplace;
  const Clock& clock;
  Random& random;
  const PolicyBook& policies;
  Outbox& outbox;
  Observer& observer;
  EventReader read;
  // Takes an event that was listed rather than delivered, the same way as a delivered one; it is durable on return.
  std::function<Status(std::string_view body)> ingest;
  // Confirms the topic that a verified message of Amazon SNS asks about; gives the ARN of the subscription to it.
  // Errors: kUnavailable (ask again), kInvalidArgument (it cannot be confirmed with this message).
  std::function<Result<std::string>(std::string_view body)> confirm_topic = {};
  // Facts older than this are folded when an event is applied. Replaying a long history at one moment keeps all.
  Millis facts_kept = kFactsKept;
  // How long raw bodies of events and settled alerts are kept; at least kFactsKept.
  Millis retain = kRetain;
  // How often the provider's list of events is read.
  Millis catch_up_every{5min};
};

// A job is not given up before it failed this often, which takes more than an hour: time that passed while the service
// was away is no try.
inline constexpr int kTriesMin = 12;

// The retry rule of jobs: 1 s doubled for each failure, at most an hour, each ± 20 %; dead once it has failed for as
// long as its kind is given, and kTriesMin times. `at_least`: the provider asked for this much patience.
JobRetry TryAgain(const Job& job, const Error& error, Timestamp now, Random& random, Millis at_least = Millis{0});

// How long a job of that kind may go on failing.
Millis PatienceOf(JobKind kind);

// Commits `retry`, and raises `alert`; a job that dies with it raises one of its own.
Status CommitRetry(Engine& engine, const Job& job, const JobRetry& retry, const std::optional<Alert>& alert = {});

}  // namespace dunlin
