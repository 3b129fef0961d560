// Plays a story in words through Decide, over simulated time, and checks after each word what must always hold.
//
//   fail[:code]      the renewal fails; the provider means to try again in 3 days
//   again            the provider's own next attempt fails
//   taken_over[:code] / taken_back   the provider lets the invoice go / plans an attempt again
//   know:code        why it failed becomes known
//   method           another payment method will be charged
//   due / early      the charge job runs when it is due / at once, whenever that is
//   staff            staff ask for an attempt
//   declined[:code] / unknown / refused   our open attempt ends so
//   paid / void / disproved / cancel / stay (the cancellation is taken back) / deleted / next_invoice
//   next_invoice_untold   the same, and no event has told that its payment failed
//   cancelling       the provider was asked once more, and the cancellation goes out, should it still be wanted
//   end_refused      the provider would not cancel
//   look             nothing new: time may have passed
//   wait:1d          time passes, nothing is looked at
//
// The result has a word for each but `wait`: the ids of the rows taken, joined by "+", or "-".
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/support/story.h"
#include "workflows/decide.h"

namespace dunlin::testing {

class Player {
 public:
  explicit Player(const CollectionPolicy& policy = ServicePolicy(), std::span<const Transition> rows = kTransitions);

  std::string Play(const std::string& script);

  const Subscription& subscription() const { return record_.subscription; }
  const Recovery& recovery() const { return record_.subscription.recovery; }
  const std::vector<Attempt>& attempts() const { return record_.attempts; }
  const std::vector<TimelineRow>& timeline() const { return timeline_; }
  const std::set<std::string>& alerts() const { return alerts_; }      // open ones, by key
  const std::map<std::string, NewJob>& jobs() const { return jobs_; }  // those with a key
  Timestamp now() const { return now_; }
  const std::set<std::string>& rows_taken() const { return rows_taken_; }
  int mails() const { return mails_; }                            // asked for
  const std::vector<std::string>& told() const { return told_; }  // the templates of those that left
  void StopOutbox() { outbox_runs_ = false; }                     // from now on none leaves

  void UsePolicy(Policy policy);  // from now on; the one before stays for what is pinned to it

 private:
  std::string Say(const std::string& word, const std::string& detail);
  bool SayOfAttempts(const std::string& word, const std::string& detail);
  void SayOfProvider(const std::string& word, const std::string& detail);
  std::string RunCharge(const std::string& key, Trigger trigger);
  void EndAttempt(AttemptState state, const std::string& code);
  std::string DecideNow(Situation situation);
  void Keep(Decision decision);
  void CheckRows(const std::vector<TimelineRow>& rows, const Values& before, const Values& after) const;
  void Deliver();
  void CheckMails(const Decision& decision) const;
  void CheckJobs(RecoveryState before) const;
  std::string Source() { return "evt_" + std::to_string(++events_); }
  Attempt* Open();

  const std::span<const Transition> rows_;
  std::unique_ptr<Ledger> ledger_;  // keeps the policies
  std::unique_ptr<PolicyBook> policies_;
  SubscriptionRecord record_;
  Facts facts_;
  Timestamp now_ = kNoon;
  std::string method_;  // that is charged now; empty: nobody told
  std::map<std::string, NewJob> jobs_;
  std::map<std::string, JobId> ids_;
  std::set<std::string> alerts_;
  std::set<std::string> rows_taken_;
  std::vector<TimelineRow> timeline_;
  int events_ = 0;
  int next_job_ = 0;
  int mails_ = 0;
  std::vector<std::string> told_;
  bool outbox_runs_ = true;
};

}  // namespace dunlin::testing
