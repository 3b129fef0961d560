// How a subscription, a job, an event and the rest are written as JSON: one place for the HTTP API and the command
// line. Names and shapes are public (docs/api.md); times are RFC 3339 UTC, money is integer minor units.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "state/ledger.h"
#include "workflows/policy_book.h"

namespace dunlin {

// Access is judged at `now`, whatever the row says (I5).
nlohmann::json SubscriptionView(const SubscriptionRecord& record, const PolicyBook& policies, Timestamp now);
// What the ledger says of its usage, as the view's `usage`, where the marketplace collects it. Errors: the ledger's.
Status AddUsage(Ledger& ledger, const Subscription& subscription, nlohmann::json& view);
// Both together: how lists and answers show it. Errors: the ledger's.
Result<nlohmann::json> DetailedView(Ledger& ledger, const SubscriptionRecord& record, const PolicyBook& policies,
                                    Timestamp now);
nlohmann::json TimelineRowView(const TimelineRow& row);
// The timeline together with the subscription's events that changed nothing, by time: "nothing happened" has a reason
// too.
nlohmann::json TimelineView(const std::vector<TimelineRow>& rows, const std::vector<StoredEvent>& events);
nlohmann::json AttemptView(const Attempt& attempt);
nlohmann::json EventView(const StoredEvent& event, bool with_body);
nlohmann::json JobView(const Job& job, const std::optional<Attempt>& attempt);
nlohmann::json AlertView(const Alert& alert);
nlohmann::json TokenView(const Token& token);  // never the hash

std::string JobName(JobId id);                      // "job_12"
Result<JobId> ParseJobName(std::string_view name);  // takes "12" too. Errors: kInvalidArgument

// May this account use paid features right now? Over all its subscriptions: granted when any is; the plan of highest
// rank among the granted ones. Errors: kNotFound (nobody knows this id), the ledger's.
Result<nlohmann::json> AccessView(Ledger& ledger, const PolicyBook& policies, std::string_view account, Timestamp now);

// Any of a subscription's ids: its own, an invoice's, one that AWS Marketplace knows it by. Errors: kNotFound.
Result<SubscriptionRecord> FindSubscription(Ledger& ledger, std::string_view any_id);

}  // namespace dunlin
