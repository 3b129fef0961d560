// Stripe's objects in our terms, in the shapes from before and after API version 2025-03-31.basil, told apart by what
// they hold and not by a version. Enumerations are open: a word we do not know is no error.
//
// All pure. Errors: kInvalidArgument, naming an essential field that is missing or of the wrong type; every other
// field is as good as absent then.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "workflows/provider.h"

namespace dunlin::stripe {

// A subscription. The snapshot's kind, source, created, fence and `previous` are the caller's to set. With an alias
// from metadata `account`, and, where these are expanded, with its latest invoice, if that can be read, and the
// customer's default payment method.
Result<SubscriptionAnswer> ReadSubscription(const nlohmann::json& subscription);

// `data.previous_attributes` of a subscription's event.
PreviousAttributes ReadPreviousAttributes(const nlohmann::json& previous);

// An invoice. The fact's source, created and fetched are the caller's to set. `failures` is left empty: a picture
// does not tell when what failed. `decline` is that of the newest payment that failed, where payments are expanded
// with their payment intents; `decline_at` is when the charge behind it was made if that is expanded too, else it is
// Timestamp{} for the caller to set.
Result<InvoiceAnswer> ReadInvoice(const nlohmann::json& invoice);

// The payment intent, expanded inside `invoice`, that `decline` was read from. nullptr: there is none.
const nlohmann::json* DeclinedIntent(const nlohmann::json& invoice);

// The status of the newest payment's intent, where it is expanded: "processing", "requires_action", … Empty: not told.
std::string NewestPaymentStatus(const nlohmann::json& invoice);

// `last_payment_error` of a payment intent, or `error` of an answer.
Decline ReadDecline(const nlohmann::json& error);
// A failed charge.
Decline ReadChargeDecline(const nlohmann::json& charge);

// Our own account id in metadata `account`, for `account`. Empty when either is.
std::vector<Alias> ReadAliases(const nlohmann::json& object, const AccountId& account);

}  // namespace dunlin::stripe
