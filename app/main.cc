// dunlin: reads the command line and calls what was asked for. The only file that includes CLI11.
#include <CLI/CLI.hpp>
#include <exception>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include "app/commands/commands.h"
#include "app/commands/output.h"

namespace dunlin {
namespace {

class CommandLine {
 public:
  CommandLine() {
    app_.require_subcommand(1);
    app_.set_version_flag("--version", "dunlin " DUNLIN_VERSION);
    AddReplay();
    AddVerify();
    AddPolicy();
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
    group->add_option("--config", on_.config, "Configuration file; the environment (DUNLIN_…) goes over it");
    group->add_option("--ledger", on_.ledger, "The ledger, sqlite:FILE; over the configuration");
    AddJson(*group, on_.json);
    return group;
  }

  static void AddJson(CLI::App& command, bool& json) { command.add_flag("--json", json, "Answer in JSON"); }
  static void AddPage(CLI::App& command, PageArguments& page) {
    command.add_option("--limit", page.limit, "How many at most, up to 1000")->check(CLI::Range(1, 1000));
    command.add_option("--cursor", page.cursor, "Go on where the page before ended");
  }

  void AddReplay() {
    CLI::App* c = Add(app_, "replay", "Send events from files to a service, or apply them here (--offline)",
                      [this] { return RunReplay(replay_); });
    c->add_option("files", replay_.files, "Each one event, a JSON array, JSON lines or a scenario; -: stdin")->required();
    c->add_flag("--offline", replay_.offline, "Apply them in memory and show how the subscriptions stand");
    c->add_option("--policy", replay_.policy, "offline: policy file");
    c->add_option("--until", replay_.until, "offline: the moment to show, RFC 3339 (else that of the newest event)");
    AddJson(*c, replay_.json);
    c->add_option("--to", replay_.to, "URL of the webhook");
    c->add_option("--secret", replay_.secret, "The webhook's signing secret");
    c->add_flag("--shuffle", replay_.shuffle, "Send in random order");
    c->add_option("--duplicate", replay_.duplicate, "Send this many of them, drawn at random, once more");
    c->add_option("--seed", replay_.seed, "Of all chance; the same seed repeats the same order");
  }

  void AddVerify() {
    CLI::App* group = AddGroup("verify", "Check a webhook's signature");
    CLI::App* c = Add(*group, "stripe", "Check a Stripe-Signature header against a body",
                      [this] { return RunVerifyStripe(verify_); });
    c->add_option("--secret", verify_.secrets, "Signing secret; several while one is being rolled")
        ->required()
        ->allow_extra_args(false);
    c->add_option("--header", verify_.header, "The header's value; '' if there was none")->required();
    c->add_option("--now", verify_.now, "Unix seconds; without it the machine's clock");
    c->add_option("--tolerance", verify_.tolerance, "Seconds that the header's time may be away (300)");
    c->add_option("file", verify_.file, "The body's bytes; -: stdin (the default)");
    AddJson(*c, verify_.json);
  }

  void AddPolicy() {
    CLI::App* group = AddGroup("policy", "Check a policy");
    CLI::App* check = Add(*group, "check", "Say whether a policy holds together, and what it means",
                          [this] { return RunPolicyCheck(policy_file_, json_); });
    check->add_option("file", policy_file_, "The policy, TOML")->required();
    AddJson(*check, json_);
  }

  void AddId(CLI::App* command) { command->add_option("id", id_, "Its id")->required(); }

  CLI::App app_{"Keeps subscriptions right: payment webhooks in, retries out, access taken away and given back"};
  std::function<int()> run_;
  bool json_ = false;
  std::string id_, reason_, policy_file_;
  LedgerArguments on_;
  PageArguments alerts_page_;
  ServeArguments serve_;
  ReplayArguments replay_;
  VerifyStripeArguments verify_;
  SubscriptionsListArguments subscriptions_;
  EventsListArguments events_;
  JobsListArguments jobs_;
  TokenCreateArguments token_;
};

}  // namespace
}  // namespace dunlin

int main(int argc, char** argv) {
  try {
    return dunlin::CommandLine().Run(argc, argv);
  } catch (const std::exception& error) {  // a bug, or no memory
    std::cerr << "dunlin: " << error.what() << "\n";
    return dunlin::kExitNo;
  }
}
