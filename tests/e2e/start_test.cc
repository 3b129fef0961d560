// A service that cannot start says why, with the right exit code, and never says a secret (I10).
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>

#include "state/ledger/db.h"
#include "tests/support/http_client.h"
#include "tests/support/scratch.h"
#include "tests/support/world.h"

namespace dunlin::testing {
namespace {

constexpr const char* kSecret = "whsec_start_0123456789";
constexpr const char* kApiKey = "sk_test_start_0123456789";

// A port of 127.0.0.1 that somebody listens on.
class TakenPort {
 public:
  TakenPort() : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* any = reinterpret_cast<sockaddr*>(&address);
    const bool taken =
        ::bind(socket_, any, size) == 0 && ::listen(socket_, 1) == 0 && ::getsockname(socket_, any, &size) == 0;
    EXPECT_TRUE(taken);
    port_ = ntohs(address.sin_port);
  }
  ~TakenPort() { ::close(socket_); }
  TakenPort(const TakenPort&) = delete;
  TakenPort& operator=(const TakenPort&) = delete;
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  const int socket_;
  int port_ = 0;
};

class StartTest : public ::testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& text) {
    std::ofstream(scratch_.File(name)) << text;
    return scratch_.File(name);
  }

  // The service must end by itself with `exit`, and its complaint must hold `words` and none of the secrets.
  void Refused(int exit, const std::string& words, std::vector<std::string> flags,
               std::map<std::string, std::string> env = {}) {
    std::vector<std::string> command = {std::string(DUNLIN_BINARY_DIR) + "/app/dunlin", "serve"};
    const auto given = [&](const std::string& flag) {
      return std::find(flags.begin(), flags.end(), flag) != flags.end();
    };
    if (!given("--listen")) flags.insert(flags.end(), {"--listen", "127.0.0.1:0"});
    if (!given("--ledger")) flags.insert(flags.end(), {"--ledger", "sqlite:" + scratch_.File("ledger.db")});
    command.insert(command.end(), flags.begin(), flags.end());
    env.try_emplace("DUNLIN_STRIPE_WEBHOOK_SECRETS", kSecret);
    env.try_emplace("DUNLIN_STRIPE_API_KEY", kApiKey);
    env.try_emplace("DUNLIN_STRIPE_API_BASE", "http://127.0.0.1:9");
    Process service(command, env, scratch_.File("service" + std::to_string(++starts_)));
    EXPECT_EQ(service.Wait(), exit) << service.Err();
    EXPECT_NE(service.Err().find(words), std::string::npos) << service.Err();
    for (const std::string& said : {service.Out(), service.Err()}) {
      EXPECT_EQ(said.find("0123456789"), std::string::npos) << said;
      EXPECT_EQ(said.find("hunter2"), std::string::npos) << said;
      EXPECT_EQ(said.find("listening"), std::string::npos) << said;
    }
  }

  ScratchDir scratch_;
  int starts_ = 0;
};

TEST_F(StartTest, NeedsItsSecrets) {
  Refused(2, "DUNLIN_STRIPE_WEBHOOK_SECRETS): missing", {}, {{"DUNLIN_STRIPE_WEBHOOK_SECRETS", ""}});
  Refused(2, "DUNLIN_STRIPE_API_KEY): missing", {}, {{"DUNLIN_STRIPE_API_KEY", ""}});
}

TEST_F(StartTest, NamesASecretThatStandsInTheWrongPlace) {
  Refused(2, "is an API key", {}, {{"DUNLIN_STRIPE_WEBHOOK_SECRETS", "sk_test_0123456789"}});
  Refused(2, "is a webhook signing secret", {}, {{"DUNLIN_STRIPE_API_KEY", "whsec_0123456789"}});
  Refused(2, "publishable", {}, {{"DUNLIN_STRIPE_API_KEY", "pk_test_0123456789"}});
  Refused(2, "spaces around it", {}, {{"DUNLIN_STRIPE_WEBHOOK_SECRETS", "whsec_0123456789 "}});
}

TEST_F(StartTest, RefusesAConfigurationItDoesNotUnderstand) {
  Refused(2, "lissten", {"--config", Write("unknown.toml", "lissten = \"127.0.0.1:0\"\n")});
  Refused(2, "torn.toml", {"--config", Write("torn.toml", "[stripe]\nwebhook_secrets = whsec_0123456789\n")});
  Refused(2, "absent.toml", {"--config", scratch_.File("absent.toml")});
  Refused(2, "DUNLIN_QUEUE", {}, {{"DUNLIN_QUEUE", "kafka://127.0.0.1"}});
}

TEST_F(StartTest, RefusesALedgerItCannotKeep) {
  Refused(2, "PostgreSQL is not supported yet", {"--ledger", "postgresql://dunlin:hunter2@127.0.0.1/dunlin"});
  Refused(1, "is not a Dunlin ledger", {"--ledger", "sqlite:" + Write("corrupt.db", std::string(8192, 'x'))});
  Refused(1, "cannot open the ledger", {"--ledger", "sqlite:" + scratch_.File("no/such/folder/ledger.db")});
  ASSERT_TRUE(OpenLedger("sqlite:" + scratch_.File("newer.db")));
  auto newer = db::Connection::Open(scratch_.File("newer.db"), 1000);
  ASSERT_TRUE(newer && (*newer)->Run("PRAGMA user_version = 999"));
  newer->reset();
  Refused(2, "schema version 999", {"--ledger", "sqlite:" + scratch_.File("newer.db")});
  const auto served = OpenLedger("sqlite:" + scratch_.File("served.db"), {.sole_service = true});
  Refused(1, "another service works on the ledger", {"--ledger", "sqlite:" + scratch_.File("served.db")});
}

TEST_F(StartTest, SaysThatItsPortIsTaken) {
  const TakenPort taken;
  Refused(1, "cannot listen on " + taken.address(), {"--listen", taken.address()});
}

TEST_F(StartTest, NeverFollowsASimulatedClockWithALiveKey) {
  Refused(2, "live API key", {"--clock", "http://127.0.0.1:9/_sim/clock"},
          {{"DUNLIN_STRIPE_API_KEY", "sk_live_0123456789"}});
}

TEST_F(StartTest, NamesFileAndLineOfABadPolicy) {
  const std::string policy = Write("bad.toml", "version = 1\n\n[collection.default]\nretry_aftr = [\"1d\"]\n");
  Refused(2, "bad.toml:4", {"--policy", policy});
  Refused(2, "absent.toml", {"--policy", scratch_.File("absent.toml")});
}

// ---- I10 while it serves -----------------------------------------------------------------------------------------

TEST(SecrecyTest, NothingTheServiceSaysHoldsASecretOrAnEmailAddress) {
  World world({.seed = 61, .env = {{"DUNLIN_LOG_LEVEL", "debug"}}});
  play::Player player(world.targets());
  const std::vector<nlohmann::json> steps = {
      {{"do", "catalog"}, {"prices", world.prices()}},
      {{"do", "customer"}},
      {{"do", "subscribe"}},
      {{"expect", {{"status", "active"}}}},
      {{"do", "card_behaves"}, {"as", {{"behavior", "decline"}, {"decline_code", "generic_decline"}, {"times", 1}}}},
      {{"do", "faults"},
       {"set", {{"api", {{"paths", "/v1/invoices/"}, {"status_500_next", 1}, {"status_429_next", 1}}}}}},
      {{"do", "advance"}, {"by", "31d"}},
      {{"do", "advance"}, {"by", "2h"}},
      {{"expect", {{"status", "past_due"}, {"collection.state", "waiting"}}}},
      {{"do", "staff_retry"}},
      {{"expect", {{"status", "active"}}}},
      {{"do", "quiet"}}};
  for (const nlohmann::json& step : steps) {
    const play::StepReport report = player.Run(step);
    ASSERT_TRUE(report.ok) << report.what << ": " << report.problem;
  }
  using testing_support::HttpSend;
  const int port = world.port();
  const std::string bearer = "Bearer " + world.token();
  const std::string body = R"({"id":"evt_s","object":"event","customer_email":"jenny.rosen@example.com"})";
  std::string said;
  for (const testing_support::HttpAnswer& answer :
       {HttpSend(port, "GET", "/metrics"), HttpSend(port, "GET", "/readyz"),
        HttpSend(port, "POST", "/webhooks/stripe", {{"Stripe-Signature", "t=1,v1=00"}}, body),
        HttpSend(port, "GET", "/v1/subscriptions", {{"Authorization", "Bearer wrong"}}),
        HttpSend(port, "GET", "/v1/subscriptions/sub_none", {{"Authorization", bearer}}),
        HttpSend(port, "GET", "/v1/access/jenny.rosen%40example.com", {{"Authorization", bearer}}),
        HttpSend(port, "POST", "/v1/subscriptions/" + player.subscription() + "/retry", {{"Authorization", bearer}},
                 body)}) {
    ASSERT_NE(answer.status, 0);
    said += answer.body + "\n";
  }
  EXPECT_EQ(world.Post(body), 400);
  world.service().Signal(SIGTERM);
  ASSERT_EQ(world.service().Wait(), 0);
  said += world.service().Out() + world.service().Err();

  std::ifstream outbox(world.folder() + "/outbox.jsonl");
  const std::string mails{std::istreambuf_iterator<char>(outbox), {}};
  ASSERT_NE(mails.find("jenny.rosen@example.com"), std::string::npos) << "no mail was written, so this proves nothing";
  ASSERT_NE(said.find("an attempt ended"), std::string::npos) << "nothing was logged, so this proves nothing";
  for (const std::string& secret : {std::string(World::kSecret), std::string(World::kApiKey), world.token(),
                                    std::string("jenny.rosen"), std::string("client_secret")}) {
    const std::size_t at = said.find(secret);
    EXPECT_EQ(at, std::string::npos) << "…" << said.substr(at < 200 ? 0 : at - 200, 400);
  }
}

}  // namespace
}  // namespace dunlin::testing
