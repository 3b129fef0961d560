#include "tests/provider_sim/aws/aws_fixture.h"

#include <curl/curl.h>

#include "fixtures/provider_sim/aws/sigv4.h"

namespace dunlin::sim {
namespace {

std::size_t Append(char* data, std::size_t size, std::size_t count, void* out) {
  static_cast<std::string*>(out)->append(data, size * count);
  return size * count;
}

}  // namespace

void AwsFixture::SetUp() {
  ProviderOptions options;
  options.seed = 42;
  options.start = *ParseRfc3339("2026-01-10T10:30:00Z");
  options.aws.notifications.webhook = sns_.url();
  options.aws.notifications.eventbridge_webhook = events_.url();
  options.aws.notifications.eventbridge_secret = "shared-secret";
  auto started = SimServer::Start(options, "127.0.0.1", 0);
  ASSERT_TRUE(started) << started.error().detail;
  sim_ = std::move(*started);
}

Json AwsFixture::Aws(const std::string& name, const Json& body) {
  Reply reply = Control("/_sim/aws/" + name, body);
  EXPECT_EQ(reply.status, 200) << name << " " << reply.body.dump();
  return reply.body;
}

Json AwsFixture::AgreementTruth(const std::string& id) {
  const Json truth = Truth();
  for (const Json& agreement : truth["agreements"]) {
    if (agreement["agreement"] == id) return agreement;
  }
  ADD_FAILURE() << "no agreement " << id;
  return {};
}

void AwsFixture::MakeProduct(bool contract, const Json& more) {
  Json body = {{"code", kProduct}, {"title", "Dunlin"}, {"confirmed", true}, {"dimensions", {{"requests", "metered"}}}};
  if (contract) body["dimensions"]["seats"] = "entitled";
  body.update(more);
  Aws("products", body);
}

Json AwsFixture::Subscribed(const std::string& integration, const Json& more) {
  Json body = {{"product", kProduct}, {"integration", integration}};
  body.update(more);
  Json agreement = Aws("subscribe", body);
  Advance("62s");
  return agreement;
}

Reply AwsFixture::Call(const std::string& operation, const Json& request, const std::string& secret) {
  const aws::Credentials right;
  const std::string user = right.access_key + ":" + (secret.empty() ? right.secret_key : secret);
  const std::string service = operation == "GetEntitlements" ? "AWSMPEntitlementService." : "AWSMPMeteringService.";
  const std::string body = request.is_string() ? request.get<std::string>() : request.dump();
  CURL* curl = curl_easy_init();
  curl_slist* headers = curl_slist_append(nullptr, "Content-Type: application/x-amz-json-1.1");
  headers = curl_slist_append(headers, ("X-Amz-Target: " + service + operation).c_str());
  std::string answer;
  curl_easy_setopt(curl, CURLOPT_URL, (sim_->url() + "/").c_str());
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(curl, CURLOPT_AWS_SIGV4, "aws:amz:us-east-1:aws-marketplace");
  curl_easy_setopt(curl, CURLOPT_USERPWD, user.c_str());
  curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.c_str());
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, 10L);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, Append);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
  Reply reply;
  long status = 0;
  if (curl_easy_perform(curl) == CURLE_OK) curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  reply.status = static_cast<int>(status);
  reply.body = Json::parse(answer, nullptr, false);
  curl_slist_free_all(headers);
  curl_easy_cleanup(curl);
  return reply;
}

bool AwsFixture::Arrive(Receiver& receiver, std::size_t count, const std::string& step) {
  for (int i = 0; i < 100 && receiver.hooks().size() < count; ++i) {
    Advance(step);
    std::this_thread::sleep_for(10ms);
  }
  return receiver.hooks().size() == count;
}

std::vector<std::string> AwsFixture::Sent() {
  std::vector<std::string> whats;
  const Json listed = Read("/_sim/aws/messages");
  for (const Json& message : listed["messages"]) whats.push_back(message["what"]);
  return whats;
}

std::vector<Json> AwsFixture::Inner() {
  std::vector<Json> inner;
  for (const Hook& hook : sns_.hooks()) {
    const Json message = hook.json();
    if (message["Type"] == "Notification") inner.push_back(Json::parse(std::string(message["Message"])));
  }
  return inner;
}

}  // namespace dunlin::sim
