// TLS at a proxy: the examples of docs/operations.md, with real proxies and a certificate made here.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <sstream>
#include <thread>

#include "tests/support/served.h"

namespace dunlin::testing {
namespace {

using namespace std::chrono_literals;
using testing_support::HttpConnection;

constexpr const char* kName = "hooks.example.com";
constexpr const char* kBridgeSecret = "bridge-secret-0123456789";

int FreePort() {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* any = reinterpret_cast<sockaddr*>(&address);
  EXPECT_TRUE(::bind(socket, any, size) == 0 && ::getsockname(socket, any, &size) == 0);
  ::close(socket);
  return ntohs(address.sin_port);
}

std::string ReadAll(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

std::string Replace(std::string text, const std::string& what, const std::string& by) {
  EXPECT_NE(text.find(what), std::string::npos) << "the example has no " << what;
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size())
    text.replace(at, what.size(), by);
  return text;
}

// What a command prints.
std::string Shell(const std::string& command) {
  std::string out;
  FILE* pipe = ::popen(command.c_str(), "r");
  char buffer[4096];
  while (std::fgets(buffer, sizeof buffer, pipe) != nullptr) out += buffer;
  EXPECT_EQ(::pclose(pipe), 0) << command << out;
  return out;
}

class ProxyTest : public ::testing::Test {
 protected:
  void SetUp() override {
    served_.emplace(
        0, std::map<std::string, std::string>{{"DUNLIN_TRUSTED_PROXIES", "127.0.0.1"},
                                              {"DUNLIN_LOG_LEVEL", "debug"},
                                              {"DUNLIN_AWS_MARKETPLACE_TOPICS", "arn:aws:sns:us-east-1:1:t"},
                                              {"DUNLIN_AWS_MARKETPLACE_EVENTBRIDGE_SECRETS", kBridgeSecret},
                                              {"DUNLIN_AWS_MARKETPLACE_LANDING_PAGE", "https://example.com/in"},
                                              {"DUNLIN_AWS_API_BASE", "http://127.0.0.1:9"},
                                              {"DUNLIN_AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"},
                                              {"DUNLIN_AWS_SECRET_ACCESS_KEY", "not-used"}});
    ASSERT_NE(served_->port(), 0) << served_->process().Err();
    Shell("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=" +
          std::string(kName) + " -addext subjectAltName=DNS:" + kName + " -keyout " + scratch_.File("key") + " -out " +
          scratch_.File("crt") + " 2>/dev/null");
    std::ofstream(scratch_.File("pem")) << ReadAll(scratch_.File("crt")) << ReadAll(scratch_.File("key"));
  }

  // The example in this language, with our port for Dunlin's.
  std::string Example(const std::string& language) const {
    const std::string page = ReadAll(DUNLIN_SOURCE_DIR "/docs/operations.md");
    const std::string fence = "```" + language + "\n";
    const std::size_t begin = page.find(fence);
    EXPECT_NE(begin, std::string::npos) << language;
    const std::size_t end = page.find("```", begin + fence.size());
    return Replace(page.substr(begin + fence.size(), end - begin - fence.size()), "127.0.0.1:8080",
                   "127.0.0.1:" + std::to_string(served_->port()));
  }

  void Start(const std::string& name, const std::string& config, std::vector<std::string> command) {
    std::ofstream(scratch_.File(name)) << config;
    command.push_back(scratch_.File(name));
    proxy_.emplace(std::move(command), std::map<std::string, std::string>{}, scratch_.File("proxy"));
    for (int i = 0; i < 500 && !HttpConnection(port_).connected(); ++i) std::this_thread::sleep_for(10ms);
    ASSERT_TRUE(HttpConnection(port_).connected()) << proxy_->Out() << proxy_->Err();
  }

  // Asks through TLS from 127.0.0.2. Returns body and status of the answer.
  std::string Curl(const std::string& path, const std::string& arguments) {
    const std::string where = std::string(kName) + ":" + std::to_string(port_);
    return Shell("curl -s --max-time 20 --interface 127.0.0.2 --cacert " + scratch_.File("crt") + " --resolve " +
                 where + ":127.0.0.1 -w ' %{http_code}' " + arguments + " https://" + where + path);
  }

  std::string Post(const std::string& id, std::size_t filler) {
    const std::string body = R"({"id":")" + id +
                             R"(","object":"event","type":"customer.created","created":1767225600,"livemode":false,)"
                             R"("data":{"object":{"id":"cus_1","object":"customer","x":")" +
                             std::string(filler, 'x') + "\"}}}\n\n";
    std::ofstream(scratch_.File("body"), std::ios::binary) << body;
    const std::string signature = SignStripePayload(body, Served::kSecret, SystemClock().Now());
    return Curl("/webhooks/stripe", "-H 'Stripe-Signature: " + signature +
                                        "' -H 'Content-Type: application/json' -H 'X-Forwarded-For: 6.6.6.6' "
                                        "--data-binary @" +
                                        scratch_.File("body"));
  }

  void ExpectEventsPass() {
    EXPECT_EQ(Post("evt_small", 10), R"({"received":true,"verdict":"stored"} 200)");
    EXPECT_EQ(Post("evt_small", 10), R"({"received":true,"verdict":"duplicate"} 200)");
    EXPECT_EQ(Post("evt_large", 900'000), R"({"received":true,"verdict":"stored"} 200)");
    const std::string log = served_->process().Err();
    EXPECT_NE(log.find(R"("peer":"127.0.0.2")"), std::string::npos) << "whom the proxy speaks for is not known\n"
                                                                    << log;
    EXPECT_EQ(log.find("6.6.6.6"), std::string::npos) << "a client's own word was believed";
    ExpectTheDoorsOfAwsMarketplace();
    for (const char* path : {"/metrics", "/healthz", "/v1/alerts", "/aws-marketplace/register/more"}) {
      EXPECT_TRUE(Curl(path, "").ends_with(" 404")) << path << " can be reached from outside";
    }
  }

  // Each answers as Dunlin does, not as the proxy.
  void ExpectTheDoorsOfAwsMarketplace() {
    const std::string json = " -H 'Content-Type: application/json' --data-binary ";
    const std::string sns = Curl("/webhooks/aws-marketplace", json + "'{}'");
    EXPECT_NE(sns.find(R"("code":"missing_keys")"), std::string::npos) << sns;
    const std::string key = "-H 'x-api-key: " + std::string(kBridgeSecret) + "'";
    EXPECT_EQ(
        Curl("/webhooks/aws-eventbridge",
             key + json + R"('{"id":"e-1","detail-type":"x","source":"s","time":"2026-11-21T10:00:00Z","detail":{}}')"),
        R"({"received":true,"verdict":"stored"} 200)");
    const std::string registered = Curl("/aws-marketplace/register", "-d 'nothing=here'");
    EXPECT_TRUE(registered.ends_with(" 400")) << registered;
    EXPECT_NE(registered.find("AWS Marketplace"), std::string::npos) << registered;
  }

  ScratchDir scratch_;
  std::optional<Served> served_;
  std::optional<Process> proxy_;
  const int port_ = FreePort();
};

TEST_F(ProxyTest, NginxEndsTls) {
  if (::access("/usr/sbin/nginx", X_OK) != 0) GTEST_SKIP() << "nginx is not installed (packages.txt)";
  std::string site = Replace(Example("nginx"), "listen 443", "listen 127.0.0.1:" + std::to_string(port_));
  site = Replace(site, "/etc/ssl/hooks.example.com.crt", scratch_.File("crt"));
  site = Replace(site, "/etc/ssl/hooks.example.com.key", scratch_.File("key"));
  std::string paths;
  for (const char* name : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"})
    paths += std::string(name) + "_temp_path " + scratch_.File(name) + ";\n";
  Start("nginx.conf",
        "daemon off;\nmaster_process off;\npid " + scratch_.File("pid") + ";\nevents {}\nhttp {\naccess_log off;\n" +
            paths + site + "}\n",
        {"/usr/sbin/nginx", "-e", "stderr", "-c"});
  ExpectEventsPass();
}

TEST_F(ProxyTest, HaProxyEndsTls) {
  if (::access("/usr/sbin/haproxy", X_OK) != 0) GTEST_SKIP() << "HAProxy is not installed (packages.txt)";
  std::string config = Replace(Example("haproxy"), "bind :443", "bind 127.0.0.1:" + std::to_string(port_));
  config = Replace(config, "/etc/ssl/hooks.example.com.pem", scratch_.File("pem"));
  Start("haproxy.cfg", config, {"/usr/sbin/haproxy", "-db", "-f"});
  ExpectEventsPass();
}

}  // namespace
}  // namespace dunlin::testing
