// dunlin: reads the command line and calls what was asked for. The only file that includes CLI11.
#include <CLI/CLI.hpp>
#include <exception>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include "app/commands/commands.h"
#include "app/commands/output.h"
#include "app/no_dump.h"

namespace dunlin {
namespace {

class CommandLine {
 public:
  CommandLine() {
    app_.require_subcommand(1);
    app_.set_version_flag("--version", "dunlin " DUNLIN_VERSION);
    AddServe();
    AddReplay();
    AddSimulate();
    AddVerify();
    AddSubscriptions();
    AddEvents();
    AddJobs();
    AddAlerts();
    AddAccounts();
    AddPolicy();
    AddToken();
    AddBackup();
    CLI::App* version = Add(app_, "version", "Say which version this is", [this] { return RunVersion(json_); });
    AddJson(*version, json_);
  }

  int Run(int argc, char** argv) {
    try {
      app_.parse(Words(argc, argv));
    } catch (const CLI::ParseError& error) {
      return app_.exit(error) == 0 ? kExitOk : kExitUsage;
    }
    return run_();
  }

 private:
  // The last word first, as CLI11 wants them. "--header=" gives an empty value, and CLI11 would take the next word.
  static std::vector<std::string> Words(int argc, char** argv) {
    std::vector<std::string> words;
    for (int i = argc - 1; i > 0; --i) {
      const std::string word = argv[i];
      const bool empty_value = word.size() > 3 && word.starts_with("--") && word.find('=') == word.size() - 1;
      if (empty_value) words.emplace_back();
      words.push_back(empty_value ? word.substr(0, word.size() - 1) : word);
    }
    return words;
  }

  CLI::App* Add(CLI::App& to, const std::string& name, const std::string& what, std::function<int()> run) {
    CLI::App* command = to.add_subcommand(name, what);
    command->callback([this, run = std::move(run)] { run_ = run; });
    return command;
  }

  // A command with commands of its own; an option of the group may stand behind those too.
  CLI::App* AddGroup(const std::string& name, const std::string& what) {
    CLI::App* group = app_.add_subcommand(name, what);
    group->fallthrough();
    group->require_subcommand(1);
    return group;
  }
  CLI::App* AddLedgerGroup(const std::string& name, const std::string& what) {
    CLI::App* group = AddGroup(name, what);
    AddLedger(*group);
    return group;
  }
  void AddLedger(CLI::App& command) {
    command.add_option("--config", on_.config, "Configuration file; the environment (DUNLIN_…) goes over it");
    command.add_option("--ledger", on_.ledger, "The ledger, sqlite:FILE; over the configuration");
    AddJson(command, on_.json);
  }

  static void AddJson(CLI::App& command, bool& json) { command.add_flag("--json", json, "Answer in JSON"); }
  static void AddPage(CLI::App& command, PageArguments& page) {
    command.add_option("--limit", page.limit, "How many at most, up to 1000")->check(CLI::Range(1, 1000));
    command.add_option("--cursor", page.cursor, "Go on where the page before ended");
  }

  void AddServe() {
    CLI::App* c = Add(app_, "serve", "Run the service", [this] { return RunServe(serve_); });
    c->add_option("--config", serve_.config, "Configuration file; the environment (DUNLIN_…) goes over it");
    c->add_option("--listen", serve_.listen, "ADDRESS:PORT");
    c->add_option("--ledger", serve_.ledger, "sqlite:FILE");
    c->add_option("--queue", serve_.queue, "memory, redis://HOST:PORT or redis+unix://PATH");
    c->add_option("--policy", serve_.policy, "Policy file");
    c->add_option("--clock", serve_.clock, "URL of a simulator whose clock is followed; never with a live key");
  }

  void AddReplay() {
    CLI::App* c = Add(app_, "replay", "Send events from files to a service, or apply them here (--offline)",
                      [this] { return RunReplay(replay_); });
    c->add_option("files", replay_.files, "Each one event, a JSON array, JSON lines or a scenario; -: stdin")
        ->required();
    c->add_flag("--offline", replay_.offline, "Apply them in memory and show how the subscriptions stand");
    c->add_option("--policy", replay_.policy, "offline: policy file");
    c->add_option("--until", replay_.until, "offline: the moment to show, RFC 3339 (else that of the newest event)");
    AddJson(*c, replay_.json);
    c->add_option("--to", replay_.to, "URL of the webhook");
    c->add_option("--secret", replay_.secret, "The webhook's signing secret; else DUNLIN_STRIPE_WEBHOOK_SECRETS");
    c->add_flag("--shuffle", replay_.shuffle, "Send in random order");
    c->add_option("--duplicate", replay_.duplicate, "Send this many of them, drawn at random, once more");
    c->add_option("--seed", replay_.seed, "Of all chance; the same seed repeats the same order");
  }

  void AddSimulate() {
    CLI::App* c = Add(app_, "simulate", "Play made-up histories with everything going wrong, and check what must hold",
                      [this] { return RunSimulate(simulate_); });
    c->add_option("--seed", simulate_.seed, "The first history; the same seed does the same, bit by bit")->required();
    c->add_option("--runs", simulate_.runs, "How many seeds, from that one on")->check(CLI::PositiveNumber);
    c->add_option("--duration", simulate_.duration, "Instead of --runs: seeds for this long, such as 10m");
    c->add_option("--without", simulate_.without, "Kinds of fault to leave out, such as 409,crash-after");
    c->add_option("--leave-out", simulate_.leave_out, "Numbers of actions of customers to leave out, such as 3,7");
    c->add_flag("--trace", simulate_.trace, "Print what happens");
    AddJson(*c, simulate_.json);
  }

  void AddVerify() {
    CLI::App* group = AddGroup("verify", "Check a webhook's signature");
    CLI::App* c = Add(*group, "stripe", "Check a Stripe-Signature header against a body",
                      [this] { return RunVerifyStripe(verify_); });
    c->add_option("--secret", verify_.secrets,
                  "Signing secret; several while one is being rolled; else DUNLIN_STRIPE_WEBHOOK_SECRETS")
        ->allow_extra_args(false);
    c->add_option("--header", verify_.header, "The header's value; '' if there was none")->required();
    c->add_option("--now", verify_.now, "Unix seconds; without it the machine's clock");
    c->add_option("--tolerance", verify_.tolerance, "Seconds that the header's time may be away (300)");
    c->add_option("file", verify_.file, "The body's bytes; -: stdin (the default)");
    AddJson(*c, verify_.json);

    c = Add(*group, "sns", "Check the signature of a message of Amazon SNS",
            [this] { return RunVerifySns(verify_sns_); });
    c->add_option("--cert", verify_sns_.cert, "The certificate, PEM or DER; without it, it is fetched");
    c->add_option("--now", verify_sns_.now, "RFC 3339; without it the machine's clock");
    c->add_option("--topic", verify_sns_.topics, "ARN of a topic that is ours; several; without it any is")
        ->allow_extra_args(false);
    c->add_option("file", verify_sns_.file, "The message's bytes; -: stdin (the default)");
    AddJson(*c, verify_sns_.json);
  }

  void AddSubscriptions() {
    CLI::App* group = AddLedgerGroup("subscriptions", "Look at subscriptions, and retry their payments");
    CLI::App* list = Add(*group, "list", "List them", [this] {
      subscriptions_.on = on_;
      return RunSubscriptionsList(subscriptions_);
    });
    list->add_option("--status", subscriptions_.status, "pending, trialing, active, past_due, paused or canceled");
    list->add_option("--account", subscriptions_.account, "An account's or customer's id");
    AddPage(*list, subscriptions_.page);
    AddId(Add(*group, "show", "Show one", [this] { return RunSubscriptionsShow(on_, id_); }));
    AddId(Add(*group, "timeline", "Show what happened to it and why",
              [this] { return RunSubscriptionsTimeline(on_, id_); }));
    CLI::App* retry = Add(*group, "retry", "Ask for a payment attempt now; the schedule keeps its steps",
                          [this] { return RunSubscriptionsRetry(on_, id_, reason_); });
    AddId(retry);
    retry->add_option("--reason", reason_, "Why; it stands in the timeline")->required();
  }

  void AddEvents() {
    CLI::App* group = AddLedgerGroup("events", "Look at the provider's events, and apply one again");
    CLI::App* list = Add(*group, "list", "List them, newest first", [this] {
      events_.on = on_;
      return RunEventsList(events_);
    });
    list->add_option("--subscription", events_.subscription, "Only of this subscription");
    list->add_option("--type", events_.type, "Only of this type");
    list->add_option("--outcome", events_.outcome, "waiting, applied, no_change, kept or unreadable");
    AddPage(*list, events_.page);
    AddId(Add(*group, "show", "Show one, its body included", [this] { return RunEventsShow(on_, id_); }));
    AddId(Add(*group, "replay", "Apply a stored event again", [this] { return RunEventsReplay(on_, id_); }));
  }

  void AddJobs() {
    CLI::App* group = AddLedgerGroup("jobs", "Look at what is to be done later, and wake what is dead");
    CLI::App* list = Add(*group, "list", "List them by due time", [this] {
      jobs_.on = on_;
      return RunJobsList(jobs_);
    });
    list->add_option("--kind", jobs_.kind, "apply, charge, refetch, mail, …");
    list->add_option("--state", jobs_.state, "ready or dead");
    list->add_option("--subscription", jobs_.subject, "Only of this subscription");
    AddPage(*list, jobs_.page);
    AddId(Add(*group, "show", "Show one", [this] { return RunJobsShow(on_, id_); }));
    AddId(Add(*group, "requeue", "Make one due now; a dead one lives again",
              [this] { return RunJobsRequeue(on_, id_); }));
  }

  void AddAlerts() {
    CLI::App* group = AddLedgerGroup("alerts", "Look at what support should know");
    AddPage(*Add(*group, "list", "List those that are open, newest first",
                 [this] { return RunAlertsList(on_, alerts_page_); }),
            alerts_page_);
  }

  void AddAccounts() {
    CLI::App* group = AddLedgerGroup("accounts", "Forget a customer");
    CLI::App* erase = Add(*group, "erase", "Erase what identifies a person; sums, dates and the provider's ids stay",
                          [this] { return RunAccountsErase(on_, id_, force_); });
    AddId(erase);
    erase->add_flag("--force", force_, "Although a subscription has not ended");
  }

  void AddPolicy() {
    CLI::App* group = AddGroup("policy", "Check a policy");
    CLI::App* check = Add(*group, "check", "Say whether a policy holds together, and what it means",
                          [this] { return RunPolicyCheck(policy_file_, json_); });
    check->add_option("file", policy_file_, "The policy, TOML")->required();
    AddJson(*check, json_);
  }

  void AddToken() {
    CLI::App* group = AddLedgerGroup("token", "Give out and revoke tokens for the HTTP API");
    CLI::App* create = Add(*group, "create", "Make one and print only it; it is shown this once", [this] {
      token_.on = on_;
      return RunTokenCreate(token_);
    });
    create->add_option("--role", token_.role, "product, viewer, support or admin")->required();
    create->add_option("--name", token_.name, "Who it is for; it stands in the timeline")->required();
    create->add_option("--expires", token_.expires, "After this long, such as 90d, or at this time, RFC 3339");
    Add(*group, "list", "List them", [this] { return RunTokenList(on_); });
    AddId(Add(*group, "revoke", "Revoke one", [this] { return RunTokenRevoke(on_, id_); }));
  }

  void AddBackup() {
    CLI::App* backup = Add(app_, "backup", "Copy the ledger to a new file, while the service runs",
                           [this] { return RunBackup(on_, file_); });
    AddLedger(*backup);
    backup->add_option("file", file_, "The new file")->required();
    CLI::App* restore = Add(app_, "restore", "Make a ledger from a backup, where there is none",
                            [this] { return RunRestore(on_, file_); });
    AddLedger(*restore);
    restore->add_option("file", file_, "The backup")->required();
  }

  void AddId(CLI::App* command) { command->add_option("id", id_, "Its id")->required(); }

  CLI::App app_{"Keeps subscriptions right: payment webhooks in, retries out, access taken away and given back"};
  std::function<int()> run_;
  bool json_ = false;
  bool force_ = false;
  std::string id_, reason_, file_, policy_file_;
  LedgerArguments on_;
  PageArguments alerts_page_;
  ServeArguments serve_;
  ReplayArguments replay_;
  SimulateArguments simulate_;
  VerifyStripeArguments verify_;
  VerifySnsArguments verify_sns_;
  SubscriptionsListArguments subscriptions_;
  EventsListArguments events_;
  JobsListArguments jobs_;
  TokenCreateArguments token_;
};

}  // namespace
}  // namespace dunlin

int main(int argc, char** argv) {
  dunlin::KeepOutOfCoreDumps();  // any command may read a secret
  try {
    return dunlin::CommandLine().Run(argc, argv);
  } catch (const std::exception& error) {  // a bug, or no memory
    std::cerr << "dunlin: " << error.what() << "\n";
    return dunlin::kExitNo;
  }
}
