// What a decline code asks for (R18; protocols.md 2.8). The processor adds codes: one we do not know is soft.
#pragma once

#include <cstdint>
#include <string_view>

#include "state/facts.h"

namespace dunlin {

enum class DeclineClass : std::uint8_t {
  kSoft,          // another try on the same card may succeed
  kCustomerData,  // the card's data are wrong or old: another try is spent for nothing until the customer acts
  kHard,          // must not be retried on the same card
};
std::string_view DeclineClassName(DeclineClass c);  // "soft", "customer_data", "hard"

// From decline_code, advice_code ("do_not_try_again" is hard) and network_advice_code (Mastercard 03 and 21 are hard).
DeclineClass ClassifyDecline(const Decline& decline);

// A sentence for the customer that never tells that a card was reported lost, stolen or fraudulent.
std::string_view DeclineAdvice(const Decline& decline);

}  // namespace dunlin
