// What is done to the service again and again while it works, and what must be true in the end.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "tests/support/instrumented.h"
#include "tests/support/world.h"

namespace dunlin::testing {

struct Blows {
  int count = 20;
  int subscribers = kInstrumented ? 12 : 40;
  int senders = 1;
  std::chrono::microseconds sender_pause{2000};  // between a sender's events, so that it does not keep out the others
  int pace = 1;                                  // they fall this many times further apart
  unsigned seed = 20261121;
  int settle_seconds = 20;
  int kill_every = 1;  // each so many blows the service is killed (kill -9) too
  // What else a blow is, given its number: before the service is killed, and before it starts again.
  std::function<void(int)> trouble = [](int) {};
  std::function<void(int)> relief = [](int) {};
  std::function<bool()> enough = [] {
    return true;
  };                                  // of the trouble; until then up to ten times as many blows follow
  std::function<void()> end = [] {};  // before time heals
};

struct Figures {
  int blows = 0;
  std::size_t acknowledged = 0;  // events of the senders
  std::size_t put_off = 0;       // likewise, answered 503
  std::size_t webhooks = 0;      // of the provider, acknowledged
  std::size_t charges = 0;
  int ours = 0;
};

// Subscribers with all kinds of cards, senders that post one event after the other, months of time in leaps, and
// blow after blow, while customers do what they like. Then time heals, and against every acknowledged event and every
// charge that the provider remembers: nothing lost, nobody charged twice, all as the provider has it. Fails the test
// with what is not so.
void StrikeAgainAndAgain(World& world, const Blows& blows, Figures& figures);

void Print(const std::string& what, const Figures& figures);

struct Subscriber {
  std::string customer, subscription;
};
// Every third on plan pro, the others on pro_plus; many of the cards fail.
std::vector<Subscriber> MakeSubscribers(World& world, int count);

// Fails the test when an invoice was paid twice, a charge has no reason, or a subscription is not as the provider has
// it.
void ExpectTruth(Ledger& ledger, World& world);

}  // namespace dunlin::testing
