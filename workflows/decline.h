// What a decline code asks for (R18; protocols.md 2.8). The processor adds codes: one we do not know is soft.
#pragma once

#include <cstdint>
#include <string_view>

#include "state/facts.h"

namespace dunlin {

enum class DeclineClass : std::uint8_t {
  kSoft,          // another try on the same card may succeed
  kCustomerData,  // the card or its data will not do: another try is spent for nothing until the customer acts
  kHard,          // must not be retried on the same card: the processor's nine codes, or an advice code says so
};
std::string_view DeclineClassName(DeclineClass c);  // "soft", "customer_data", "hard"

// The strictest of what decline_code, advice_code ("do_not_try_again" is hard, "confirm_card_data" customer data) and
// network_advice_code (Mastercard 03 and 21 are hard, 01 customer data) say.
DeclineClass ClassifyDecline(const Decline& decline);

// One or two sentences for the customer. They never tell that a card was reported lost, stolen or fraudulent: such a
// decline reads like any other refusal of a bank.
std::string_view DeclineAdvice(const Decline& decline);

}  // namespace dunlin
