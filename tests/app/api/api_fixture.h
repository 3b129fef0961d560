// The API on a real server and a real ledger in memory. Subscriptions come about as they do in service: facts, decided
// on and committed.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "app/api/routes.h"
#include "tests/state/facts_builder.h"
#include "tests/support/faulty_ledger.h"
#include "tests/support/http_client.h"
#include "workflows/decide.h"

namespace dunlin {

using build::Day;
using nlohmann::json;
using testing_support::HttpAnswer;

class SetClock final : public Clock {
 public:
  Timestamp Now() const override { return FromUnixMillis(ms_); }
  void Set(Timestamp t) { ms_ = ToUnixMillis(t); }

 private:
  std::atomic<std::int64_t> ms_{0};
};

class ApiTest : public ::testing::Test {
 protected:
  ApiTest();
  ~ApiTest() override;

  // ---- what there is
  // Merges the facts into that subscription (made if missing) and commits what is decided, at the clock's time.
  struct Given {
    std::string id = "sub_1";
    Facts facts;
    std::string account = "cus_1";
    std::string event;
  };
  void Put(const Given& given);
  // An active subscription on a plan of the policy: "pro" (we collect), "plus" (the provider does), "grace".
  void Active(const std::string& id = "sub_1", const std::string& plan = "pro", const std::string& account = "cus_1");
  // The same with a renewal that failed on day 0; the clock stands ten seconds later.
  void PastDue(const std::string& id = "sub_1", const std::string& plan = "pro", const std::string& account = "cus_1",
               const std::function<void(InvoiceFact&)>& change = nullptr);
  // The attempt of that job begins, as the worker would commit it, and ends.
  AttemptKey Begin(const std::string& id, Trigger trigger, JobId job);
  void End(const std::string& id, const AttemptKey& key, AttemptState state);
  // The cancellation of a recovery that ends is committed as being sent.
  void CancelGoesOut(const std::string& id);
  JobId JobWithKey(const std::string& key);
  void CommitUnit(Unit unit);
  Subscription Load(const std::string& id);

  // ---- asking
  std::string TokenOf(Role role);
  HttpAnswer Get(const std::string& target, Role role = Role::kViewer);
  HttpAnswer PostRetry(const std::string& id, const std::string& body, const testing_support::Headers& more = {},
                       Role role = Role::kSupport);
  HttpAnswer Send(const std::string& method, const std::string& target, const testing_support::Headers& headers,
                  const std::string& body = "");
  json GetJson(const std::string& target, Role role = Role::kViewer);
  // The problem's detail; fails the test if it is not a problem of that status.
  std::string Detail(const HttpAnswer& answer, int status);

  SetClock clock_;
  std::unique_ptr<Ledger> base_;
  std::optional<testing::FaultyLedger> ledger_;
  std::optional<PolicyBook> policies_;
  Metrics metrics_;
  std::atomic<bool> degraded_{false};
  std::unique_ptr<HttpServer> server_;
  int port_ = 0;
  std::map<Role, std::string> tokens_;
};

}  // namespace dunlin
