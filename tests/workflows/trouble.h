// Whatever goes wrong on the way, work ends as if nothing had: done, and done once.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <tuple>

#include "tests/workflows/usage_world.h"

namespace dunlin::testing {

// Strikes at the 1st, 2nd, 3rd … place where it can.
enum class Trouble : std::uint8_t {
  kNoAnswer,                // a call to the ledger is not carried out
  kOutage,                  // from a unit on none is written, for a while
  kLostAnswer,              // a unit is written, and nobody hears of it
  kConflict,                // a row has moved
  kConflicts,               // rows go on moving, for a while
  kOvertaken,               // between two calls another process does the same work to its end
  kProviderSilent,          // a call to the payment provider has no answer
  kProviderKey,             // the payment provider does not accept our key
  kMarketplaceBusy,         // a call to the marketplace is to be made later
  kMarketplaceCredentials,  // the marketplace does not accept ours
  kMarketplaceDisabled,     // the marketplace has switched the call off
};
std::string TroubleName(Trouble trouble);

// The clock stands still in it; what failed is tried again at once.
struct Story {
  std::string name;
  std::function<void(UsageWorld&)> before;  // up to the moment when the work is to be done
  // What somebody asks for then, and asks for again until it is granted. Left out, the work is the jobs that are due.
  std::function<Status(UsageWorld&, Ledger&)> ask = {};
  bool messages = false;  // they are delivered too
};

// Plays the story without trouble, then with this trouble at every place where it can strike, and expects the ledger,
// the calls that change something and the messages to be the same afterwards.
void ExpectTheSameEnd(const Story& story, Trouble trouble);

inline constexpr Trouble kTroubleInTheLedger[] = {Trouble::kNoAnswer, Trouble::kOutage,    Trouble::kLostAnswer,
                                                  Trouble::kConflict, Trouble::kConflicts, Trouble::kOvertaken};

class TroubleTest : public ::testing::TestWithParam<std::tuple<Story, Trouble>> {
 public:
  static std::string Name(const ::testing::TestParamInfo<ParamType>& test) {
    return std::get<0>(test.param).name + TroubleName(std::get<1>(test.param));
  }
};

}  // namespace dunlin::testing
