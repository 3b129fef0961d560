#include "state/failures.h"
#include "tests/app/api/api_fixture.h"

namespace dunlin {
namespace {

using SubscriptionsTest = ApiTest;

TEST_F(SubscriptionsTest, AnActiveOneOwesNothing) {
  Active();
  EXPECT_EQ(GetJson("/v1/subscriptions/sub_1"), json::parse(R"({
    "id":"sub_1","provider":"stripe","account":"cus_1","plan":"pro","status":"active","access":"granted",
    "access_until":null,"period_end":"2026-10-21T14:13:20Z","paid_until":"2026-09-21T14:13:20Z","cancel_at":null,
    "version":1,
    "collection":{"owner":"service","policy":"ours@3","state":"none","invoice":null,"amount_due":0,"currency":null,
                  "attempts":0,"last_decline":null,"next_attempt_at":null}})"));
}

TEST_F(SubscriptionsTest, APastDueOneSaysWhatIsOwedAndWhatComesNext) {
  PastDue();
  EXPECT_EQ(GetJson("/v1/subscriptions/sub_1"), json::parse(R"({
    "id":"sub_1","provider":"stripe","account":"cus_1","plan":"pro","status":"past_due","access":"revoked",
    "access_until":null,"period_end":"2026-10-21T14:13:20Z","paid_until":"2026-09-21T14:13:20Z","cancel_at":null,
    "version":2,
    "collection":{"owner":"service","policy":"ours@3","state":"waiting","invoice":"in_1_sub_1","amount_due":4000,
                  "currency":"usd","attempts":1,"last_decline":"insufficient_funds",
                  "next_attempt_at":"2026-09-22T14:13:21Z"}})"));
}

TEST_F(SubscriptionsTest, TheProvidersOwnAttemptsAreFollowed) {
  PastDue("sub_1", "plus", "cus_1", [](InvoiceFact& i) {
    i.auto_advance = true;
    i.next_payment_attempt = Day(3);
    i.failures.push_back({.at = Day(0, 3), .source = EventId{"evt_f2"}, .attempt_count = 2});
  });
  const json collection = GetJson("/v1/subscriptions/sub_1")["collection"];
  EXPECT_EQ(collection["owner"], "provider");
  EXPECT_EQ(collection["policy"], "default@3");
  EXPECT_EQ(collection["state"], "following");
  EXPECT_EQ(collection["attempts"], 2);
  EXPECT_EQ(collection["next_attempt_at"], FormatRfc3339(Day(3)));
}

TEST_F(SubscriptionsTest, AnAttemptOfOursAndTheFailureItCausedAreOne) {
  PastDue();
  clock_.Set(Day(1, 20));
  const AttemptKey key = Begin("sub_1", Trigger::kDue, JobWithKey(ChargeJobKey(SubscriptionId{"sub_1"})));
  EXPECT_EQ(GetJson("/v1/subscriptions/sub_1")["collection"]["attempts"], 2) << "an open one counts";
  End("sub_1", key, AttemptState::kDeclined);
  InvoiceFact told = build::Failed("evt_f2", Day(1, 21), "in_1_sub_1");
  told.attempt_count = 2;
  told.failures.front().key = key.str();
  Put({.facts = build::Together(told), .event = "evt_f2"});
  EXPECT_EQ(GetJson("/v1/subscriptions/sub_1")["collection"]["attempts"], 2);
}

TEST_F(SubscriptionsTest, OneFailureThatTwoEventsAndAnAnswerTellIsOneAttempt) {
  PastDue();
  InvoiceFact required = build::Failed("evt_action_required", Day(0, 2), "in_1_sub_1");
  Put({.facts = build::Together(required), .event = "evt_action_required"});
  InvoiceFact fetched = build::Invoice("fetch/1", Day(0, 2), InvoiceStatus::kOpen, "in_1_sub_1");
  fetched.attempt_count = 1;
  fetched.fetched = true;
  CountFailures(fetched, 1, 1, Day(0, 1));
  Put({.facts = build::Together(fetched), .event = "fetch/1"});
  EXPECT_EQ(GetJson("/v1/subscriptions/sub_1")["collection"]["attempts"], 1);
}

TEST_F(SubscriptionsTest, AccessIsJudgedNowWhateverTheRowSays) {
  PastDue("sub_1", "grace");
  json view = GetJson("/v1/subscriptions/sub_1");
  EXPECT_EQ(view["access"], "granted");
  EXPECT_EQ(view["access_until"], FormatRfc3339(Day(2, 1)));
  clock_.Set(Day(2, 1));
  EXPECT_EQ(GetJson("/v1/subscriptions/sub_1")["access"], "revoked");
  EXPECT_EQ(Load("sub_1").values.access, Access::kGranted) << "no job has run yet";
}

TEST_F(SubscriptionsTest, AnInvoicesIdResolves) {
  PastDue();
  EXPECT_EQ(GetJson("/v1/subscriptions/in_1_sub_1")["id"], "sub_1");
  EXPECT_EQ(GetJson("/v1/subscriptions/in_1_sub_1/timeline")["subscription"], "sub_1");
}

TEST_F(SubscriptionsTest, AnUnknownIdIsNotFoundAndNotRepeated) {
  for (const std::string path : {"/v1/subscriptions/jenny%40example.com",
                                 "/v1/subscriptions/jenny%40example.com/timeline", "/v1/access/jenny%40example.com"}) {
    const HttpAnswer answer = Get(path);
    EXPECT_NE(Detail(answer, 404), "");
    EXPECT_EQ(answer.body.find("jenny"), std::string::npos) << answer.body;
  }
}

TEST_F(SubscriptionsTest, TheListFiltersByStatusAndAccount) {
  Active("sub_1", "pro", "cus_1");
  Active("sub_2", "pro", "cus_2");
  PastDue("sub_3", "pro", "cus_1");
  const auto ids = [&](const std::string& query) {
    std::string text;
    const json list = GetJson("/v1/subscriptions" + query);
    for (const json& item : list["items"]) text += item["id"].get<std::string>() + " ";
    return text;
  };
  EXPECT_EQ(ids(""), "sub_1 sub_2 sub_3 ");
  EXPECT_EQ(ids("?status=active"), "sub_1 sub_2 ");
  EXPECT_EQ(ids("?account=cus_1"), "sub_1 sub_3 ");
  EXPECT_EQ(ids("?account=cus_1&status=past_due"), "sub_3 ");
  EXPECT_EQ(ids("?account=nobody"), "");
  EXPECT_EQ(ids("?account=%00"), "");
  EXPECT_EQ(GetJson("/v1/subscriptions?status=past_due")["items"][0], GetJson("/v1/subscriptions/sub_3"));
}

TEST_F(SubscriptionsTest, AnAliasListsAllOfItsCustomersInPages) {
  for (int n = 1; n <= 5; ++n) Active("sub_" + std::to_string(n), "pro", n % 2 == 0 ? "cus_even" : "cus_odd");
  Active("sub_9", "pro", "cus_other");
  Unit unit;
  unit.aliases = {{"team-7", AccountId{"cus_even"}}, {"team-7", AccountId{"cus_odd"}}};
  CommitUnit(std::move(unit));
  std::string seen;
  std::string cursor;
  int pages = 0;
  do {
    const json page = GetJson("/v1/subscriptions?account=team-7&limit=2" + (cursor.empty() ? "" : "&cursor=" + cursor));
    for (const json& item : page["items"]) seen += item["id"].get<std::string>() + " ";
    cursor = page["next"].is_null() ? "" : page["next"].get<std::string>();
    ++pages;
  } while (!cursor.empty() && pages < 10);
  EXPECT_EQ(seen, "sub_1 sub_2 sub_3 sub_4 sub_5 ");
  EXPECT_EQ(pages, 3);
}

TEST_F(SubscriptionsTest, PagesFollowOneAnother) {
  for (int n = 1; n <= 4; ++n) Active("sub_" + std::to_string(n));
  const json first = GetJson("/v1/subscriptions?limit=3");
  EXPECT_EQ(first["items"].size(), 3u);
  const json second = GetJson("/v1/subscriptions?limit=3&cursor=" + first["next"].get<std::string>());
  EXPECT_EQ(second["items"].size(), 1u);
  EXPECT_EQ(second["next"], nullptr);
}

TEST_F(SubscriptionsTest, AParameterThatIsWrongIsNamed) {
  for (const auto& [query, name] :
       std::vector<std::pair<std::string, std::string>>{{"?status=late", "status:"},
                                                        {"?status=", "status:"},
                                                        {"?limit=0", "limit:"},
                                                        {"?limit=1001", "limit:"},
                                                        {"?limit=-1", "limit:"},
                                                        {"?limit=2x", "limit:"},
                                                        {"?limit=", "limit:"},
                                                        {"?cursor=", "cursor:"},
                                                        {"?cursor=a%0Ab", "cursor:"},
                                                        {"?limit=99999999999999999999999", "limit:"}}) {
    EXPECT_TRUE(Detail(Get("/v1/subscriptions" + query), 400).starts_with(name)) << query;
  }
  EXPECT_NE(Detail(Get("/v1/alerts?cursor=zzz"), 400).find("cursor"), std::string::npos);
}

TEST_F(SubscriptionsTest, TheTimelineSaysWhyAndHoldsWhatChangedNothing) {
  PastDue();
  NewEvent event;
  event.id = EventId{"evt_late"};
  event.type = "customer.subscription.updated";
  event.created = Day(-1);
  event.received_at = Day(0, 20);
  event.subscription = "sub_1";
  event.body = R"({"email":"jenny@example.com"})";
  Unit accept;
  accept.accept.push_back(event);
  CommitUnit(std::move(accept));
  const auto stored = base_->FindEvent(Provider::kStripe, event.id);
  ASSERT_TRUE(stored && *stored);
  Unit file;
  file.events.push_back({(*stored)->seq, EventOutcome::kNoChange, "superseded by evt_s1", "sub_1", Day(0, 21)});
  CommitUnit(std::move(file));

  const HttpAnswer answer = Get("/v1/subscriptions/sub_1/timeline");
  EXPECT_EQ(answer.body.find("jenny"), std::string::npos);
  const json items = json::parse(answer.body)["items"];
  ASSERT_GE(items.size(), 4u);
  EXPECT_EQ(items[0]["kind"], "change");
  EXPECT_EQ(items[0]["status"], json::parse(R"({"from":"pending","to":"active"})"));
  EXPECT_EQ(items[0]["access"], json::parse(R"({"from":"revoked","to":"granted"})"));
  const auto dropped = std::find_if(items.begin(), items.end(), [](const json& i) {
    return i["kind"] == "change" && i["status"]["to"] == "past_due";
  });
  ASSERT_NE(dropped, items.end());
  EXPECT_EQ((*dropped)["event"], "evt_f_sub_1");
  EXPECT_EQ((*dropped)["policy"], "ours@3");
  EXPECT_NE((*dropped)["next"].get<std::string>().find("2026-09-22T14:13:21Z"), std::string::npos);
  const auto rows = std::count_if(items.begin(), items.end(), [](const json& i) { return i.contains("row"); });
  EXPECT_EQ(rows, 2) << "the recovery opened (D2) and took over (D3)";
  EXPECT_EQ(items.back()["kind"], "event");
  EXPECT_EQ(items.back()["event"], "evt_late");
  EXPECT_NE(items.back()["reason"].get<std::string>().find("superseded by evt_s1"), std::string::npos);
}

TEST_F(SubscriptionsTest, AlertsAreListedNewestFirst) {
  Unit unit;
  for (const char* key : {"a", "b", "c"}) {
    unit.alerts.push_back({.key = key, .kind = "two_owners", .subject = "sub_1", .detail = "d", .raised_at = Day(0)});
  }
  CommitUnit(std::move(unit));
  const json first = GetJson("/v1/alerts?limit=2");
  ASSERT_EQ(first["items"].size(), 2u);
  EXPECT_EQ(
      first["items"][0],
      json::parse(
          R"({"key":"c","kind":"two_owners","subject":"sub_1","detail":"d","raised_at":"2026-09-21T14:13:20Z"})"));
  const json second = GetJson("/v1/alerts?cursor=" + first["next"].get<std::string>());
  ASSERT_EQ(second["items"].size(), 1u);
  EXPECT_EQ(second["items"][0]["key"], "a");
  EXPECT_EQ(second["next"], nullptr);
}

}  // namespace
}  // namespace dunlin
