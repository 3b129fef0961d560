#include "tests/provider_sim/sim_fixture.h"

#include <httplib.h>

#include <algorithm>

namespace dunlin::sim {
namespace {

const httplib::Headers kKey = {{"Authorization", "Bearer sk_test_sim"}};
constexpr char kForm[] = "application/x-www-form-urlencoded";

Reply ToReply(const httplib::Result& result) {
  Reply reply;
  if (!result) return reply;
  reply.status = result->status;
  reply.body = Json::parse(result->body, nullptr, false);
  for (const auto& [name, value] : result->headers) reply.headers[name] = value;
  return reply;
}

}  // namespace

void SimFixture::Restart(const std::string& webhook) {
  ProviderOptions options;
  options.seed = 42;
  options.start = *ParseRfc3339("2026-01-01T00:00:00Z");
  options.webhook = webhook;
  options.secrets = {"whsec_new", "whsec_old"};
  sim_.reset();
  auto started = SimServer::Start(options, "127.0.0.1", 0);
  ASSERT_TRUE(started) << started.error().detail;
  sim_ = std::move(*started);
}

Reply SimFixture::Post(const std::string& path, const std::string& form, const std::string& key) {
  httplib::Client client("127.0.0.1", sim_->port());
  httplib::Headers headers = kKey;
  if (!key.empty()) headers.emplace("Idempotency-Key", key);
  return ToReply(client.Post(path, headers, form, kForm));
}

Reply SimFixture::Get(const std::string& path) {
  httplib::Client client("127.0.0.1", sim_->port());
  return ToReply(client.Get(path, kKey));
}

Reply SimFixture::Delete(const std::string& path) {
  httplib::Client client("127.0.0.1", sim_->port());
  return ToReply(client.Delete(path, kKey));
}

Reply SimFixture::Control(const std::string& path, const Json& body) {
  httplib::Client client("127.0.0.1", sim_->port());
  client.set_read_timeout(15s);
  return ToReply(client.Post(path, body.dump(), "application/json"));
}

Json SimFixture::Read(const std::string& path) {
  Reply reply = Get(path);
  EXPECT_EQ(reply.status, 200) << path << " " << reply.body.dump();
  return reply.body;
}

void SimFixture::Advance(const std::string& duration) {
  EXPECT_EQ(Control("/_sim/clock", {{"advance", duration}}).status, 200);
}

std::string SimFixture::MakePrice(int cents, const std::string& interval) {
  const Reply reply = Post("/v1/prices", "currency=usd&unit_amount=" + std::to_string(cents) +
                                             "&recurring[interval]=" + interval + "&product_data[name]=Pro");
  EXPECT_EQ(reply.status, 200) << reply.body.dump();
  return reply.body.value("id", "");
}

std::string SimFixture::MakeCustomer(const std::string& card) {
  const Reply reply = Post("/v1/customers", "email=someone@example.com&payment_method=" + card +
                                                "&invoice_settings[default_payment_method]=" + card);
  EXPECT_EQ(reply.status, 200) << reply.body.dump();
  return reply.body.value("id", "");
}

Json SimFixture::Subscribe(const std::string& customer, const std::string& price, const std::string& more) {
  const Reply reply = Post("/v1/subscriptions", "customer=" + customer + "&items[0][price]=" + price + more);
  EXPECT_EQ(reply.status, 200) << reply.body.dump();
  return reply.body;
}

std::string SimFixture::AttachDefault(const std::string& customer, const std::string& card) {
  const std::string id = Post("/v1/payment_methods/" + card + "/attach", "customer=" + customer).body.value("id", "");
  EXPECT_EQ(Post("/v1/customers/" + customer, "invoice_settings[default_payment_method]=" + id).status, 200);
  return id;
}

void SimFixture::CardsOf(const std::string& customer, const Json& behavior) {
  Json order = behavior;
  order["customer"] = customer;
  const Reply reply = Control("/_sim/cards", order);
  EXPECT_EQ(reply.status, 200) << reply.body.dump();
}

Json SimFixture::LatestInvoice(const std::string& subscription) {
  return Read("/v1/subscriptions/" + subscription + "?expand[]=latest_invoice")["latest_invoice"];
}

std::vector<Json> SimFixture::ChargesOf(const std::string& invoice) {
  std::vector<Json> charges;
  const Json all = Read("/_sim/charges");
  for (const Json& charge : all["charges"]) {
    if (charge["invoice"] == invoice) charges.push_back(charge);
  }
  return charges;
}

std::vector<Json> SimFixture::Events(const std::string& query) {
  std::vector<Json> events;
  const Json page = Read("/v1/events?" + query);
  for (const Json& event : page["data"]) events.insert(events.begin(), event);
  return events;
}

std::vector<std::string> SimFixture::TypesOfEvents(const std::string& query) {
  std::vector<std::string> types;
  for (const Json& event : Events(query)) types.push_back(event["type"]);
  return types;
}

}  // namespace dunlin::sim
