// What AWS Marketplace's notices say of one subscription, both families together (rule R15). Pure: no clock, no I/O.
#pragma once

#include "state/market_facts.h"

namespace dunlin {

// The notices are the facts' own: it lives no longer than they do. nullptr: there is none.
struct MarketCourse {
  const MarketNotice* begun = nullptr;  // the newest that says it runs
  const MarketNotice* ends = nullptr;   // it runs, and this announced its end
  const MarketNotice* ended = nullptr;  // it is over
  const MarketNotice* failed = nullptr;
  bool runs = false;
  bool awaits_licence = false;  // renewed or replaced, and nothing was heard of the licence it goes on with
  const MarketNotice* unlicensed = nullptr;  // likewise, and this took the last licence it had
};

MarketCourse CourseOf(const MarketFacts& facts);

// Of two notices the one that counts less: by their times, and for one moment by kind and source.
bool ComesBefore(const MarketNotice& a, const MarketNotice& b);

}  // namespace dunlin
