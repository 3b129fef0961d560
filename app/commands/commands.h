// What the program can be asked to do. main.cc reads the command line into these and calls one function, whose result
// is the exit code (app/commands/output.h). Every function prints its own answer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dunlin {

// ---- Without a ledger --------------------------------------------------------------------------------------------

struct ServeArguments {
  std::string config;  // a file; empty: none
  // Over the file and the environment; empty: not given.
  std::string listen, ledger, queue, policy, clock;
};
int RunServe(const ServeArguments& arguments);

struct VerifyStripeArguments {
  std::vector<std::string> secrets;
  std::string header;      // empty: there was none
  std::string now;         // Unix seconds; empty: the machine's clock
  std::string tolerance;   // seconds; empty: the default
  std::string file = "-";  // "-": stdin
  bool json = false;
};
int RunVerifyStripe(const VerifyStripeArguments& arguments);

struct VerifySnsArguments {
  std::string cert;                 // a file that holds the certificate; empty: fetched from the message's URL
  std::string now;                  // RFC 3339; empty: the machine's clock
  std::vector<std::string> topics;  // empty: any
  std::string file = "-";           // "-": stdin
  bool json = false;
};
int RunVerifySns(const VerifySnsArguments& arguments);

int RunPolicyCheck(const std::string& file, bool json);
int RunVersion(bool json);

struct ReplayArguments {
  std::vector<std::string> files;
  bool offline = false;
  bool json = false;
  // online
  std::string to;  // the webhook's URL
  std::string secret;
  bool shuffle = false;
  std::uint64_t duplicate = 0;  // how many are sent twice
  std::uint64_t seed = 1;
  // offline
  std::string policy;  // empty: the scenario's, else the built-in one
  std::string until;   // RFC 3339; empty: the newest event
};
int RunReplay(ReplayArguments arguments);

struct SimulateArguments {
  std::optional<std::uint64_t> seed;  // may be left out with `duration`: then the clock chooses one
  std::uint64_t runs = 1;             // seeds from `seed` on
  std::string duration;               // "10m": as many as fit in, instead of `runs`; empty: not given
  std::string without;                // fault kinds that are left out, separated by commas
  std::string leave_out;              // numbers of customers' actions that are left out, separated by commas
  bool trace = false;                 // print what happens
  bool json = false;
};
int RunSimulate(const SimulateArguments& arguments);

// ---- On a ledger -------------------------------------------------------------------------------------------------

// Which ledger: `ledger` itself, else what the configuration (file and environment) says.
struct LedgerArguments {
  std::string config;
  std::string ledger;
  bool json = false;
};
struct PageArguments {
  std::size_t limit = 50;
  std::string cursor;
};

struct SubscriptionsListArguments {
  LedgerArguments on;
  PageArguments page;
  std::string status;   // empty: any
  std::string account;  // empty: any
};
int RunSubscriptionsList(const SubscriptionsListArguments& arguments);
int RunSubscriptionsShow(const LedgerArguments& on, const std::string& id);
int RunSubscriptionsTimeline(const LedgerArguments& on, const std::string& id);
int RunSubscriptionsRetry(const LedgerArguments& on, const std::string& id, const std::string& reason);

struct EventsListArguments {
  LedgerArguments on;
  PageArguments page;
  std::string subscription, type, outcome;  // empty: any
};
int RunEventsList(const EventsListArguments& arguments);
int RunEventsShow(const LedgerArguments& on, const std::string& id);
int RunEventsReplay(const LedgerArguments& on, const std::string& id);

struct JobsListArguments {
  LedgerArguments on;
  PageArguments page;
  std::string kind, state, subject;  // empty: any
};
int RunJobsList(const JobsListArguments& arguments);
int RunJobsShow(const LedgerArguments& on, const std::string& id);
int RunJobsRequeue(const LedgerArguments& on, const std::string& id);

// `id`: the provider's customer, or ours. `force`: although a subscription of it has not ended.
int RunAccountsErase(const LedgerArguments& on, const std::string& id, bool force);

int RunAlertsList(const LedgerArguments& on, const PageArguments& page);

struct TokenCreateArguments {
  LedgerArguments on;
  std::string role, name;
  std::string expires;  // "90d" from now, or RFC 3339; empty: never
};
int RunTokenCreate(const TokenCreateArguments& arguments);
int RunTokenList(const LedgerArguments& on);
int RunTokenRevoke(const LedgerArguments& on, const std::string& id);

// state/backup.h
int RunBackup(const LedgerArguments& on, const std::string& file);
int RunRestore(const LedgerArguments& on, const std::string& file);

}  // namespace dunlin
