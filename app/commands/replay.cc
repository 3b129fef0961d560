#include "app/commands/replay.h"

#include "app/commands/output.h"
#include "app/commands/signing_secrets.h"

namespace dunlin {
namespace {

constexpr std::uint64_t kDuplicatesMax = 1'000'000;

// Options of the other way are mistakes, not wishes to be passed over. Empty: there is none.
std::string MistakeIn(const ReplayArguments& a) {
  if (!a.offline && a.to.empty()) return "replay needs --to and a secret, or --offline";
  if (!a.offline && (!a.policy.empty() || !a.until.empty())) return "--policy and --until go with --offline";
  if (a.offline && (!a.to.empty() || !a.secret.empty())) return "--offline sends nothing: leave out --to and --secret";
  if (a.duplicate > kDuplicatesMax) return "--duplicate takes at most " + std::to_string(kDuplicatesMax);
  return "";
}

}  // namespace

int RunReplay(ReplayArguments arguments) {
  if (const std::string mistake = MistakeIn(arguments); !mistake.empty()) return Complain(mistake, kExitUsage);
  if (!arguments.offline) {
    std::vector<std::string> given;
    if (!arguments.secret.empty()) given.push_back(arguments.secret);
    const Result<std::vector<std::string>> secrets = SigningSecrets(given);
    if (!secrets) return Complain(secrets.error().detail, kExitUsage);
    arguments.secret = secrets->front();
  }
  const Result<ReplayFiles> files = ReadReplayFiles(arguments.files);
  if (!files) return Complain(files.error().detail, kExitNo);
  return arguments.offline ? ReplayOffline(arguments, *files) : ReplayTo(arguments, *files);
}

}  // namespace dunlin
