#include "workflows/policy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <string>

namespace dunlin {
namespace {

const std::string kPlan = R"([plan.pro]
rank = 2
price = { amount = 2000, currency = "usd", per = "month" }
stripe_prices = ["price_pro"]
)";

// What is wrong with a policy, one line each; "" when nothing is.
std::string Wrong(const std::string& toml) {
  const Result<Policy> policy = ParsePolicy(toml, "p.toml");
  if (policy) return "";
  EXPECT_EQ(policy.error().code, Errc::kInvalidArgument);
  return policy.error().detail;
}

// What is wrong with the keys of one collection; the first of them stands on line 3.
std::string WrongCollection(const std::string& keys) { return Wrong("version = 1\n[collection.default]\n" + keys); }
// What is wrong with the keys of one plan; the first of them stands on line 3.
std::string WrongPlan(const std::string& keys) { return Wrong("version = 1\n[plan.pro]\n" + keys); }

TEST(PolicyTest, TheExampleIsReadAsItSays) {
  std::string text;
  const Result<Policy> policy = LoadPolicy(DUNLIN_SOURCE_DIR "/fixtures/policy.toml", &text);
  ASSERT_TRUE(policy) << policy.error().detail;
  EXPECT_NE(text.find("version = 1"), std::string::npos);
  EXPECT_EQ(policy->version, 1);
  ASSERT_EQ(policy->plans.size(), 6u);
  const PlanPolicy& plus = policy->plans.at("pro_plus");
  EXPECT_EQ(plus.name, "pro_plus");
  EXPECT_EQ(plus.title, "Pro+");
  EXPECT_EQ(plus.rank, 3);
  EXPECT_EQ(plus.price, (Money{4000, "usd"}));
  EXPECT_EQ(plus.per, "month");
  EXPECT_EQ(plus.credits, 2000);
  EXPECT_EQ(plus.stripe_prices, std::vector<std::string>{"price_pro_plus_month"});
  EXPECT_EQ(plus.collection, "default");
  EXPECT_EQ(policy->plans.at("pro").rank, 2);
  EXPECT_EQ(policy->plans.at("power").rank, 4);
  EXPECT_EQ(policy->catalog.by_price.at("prod-new/seats").name, "business");
  EXPECT_EQ(policy->metered.at("prod-new"), std::vector<std::string>{"requests"});
  ASSERT_EQ(policy->catalog.by_price.count("price_pro_plus_month"), 1u);
  EXPECT_EQ(policy->catalog.by_price.at("price_pro_plus_month").name, "pro_plus");
  EXPECT_EQ(policy->catalog.by_price.at("price_pro_plus_month").rank, 3);
}

TEST(PolicyTest, TheExamplesRulesFollowThePlan) {
  const Result<Policy> policy = LoadPolicy(DUNLIN_SOURCE_DIR "/fixtures/policy.toml");
  ASSERT_TRUE(policy) << policy.error().detail;
  const CollectionPolicy& rules = policy->CollectionFor("pro");
  EXPECT_EQ(rules.name, "default");
  EXPECT_EQ(rules.owner, Owner::kService);
  EXPECT_EQ(rules.retry_after, (std::vector<Millis>{24h, 72h, 120h, 168h}));
  EXPECT_EQ(rules.exhausted, Exhausted::kCancel);
  EXPECT_EQ(policy->CollectionFor("power").name, "large");
  EXPECT_EQ(policy->CollectionFor("power").grace, 72h);
  EXPECT_EQ(policy->CollectionFor("power").exhausted, Exhausted::kStayPastDue);
  EXPECT_EQ(policy->CollectionFor("").name, "default");
  EXPECT_EQ(policy->CollectionFor("a_plan_of_next_year").name, "default");
}

TEST(PolicyTest, EveryKeyOfACollectionIsRead) {
  const Result<Policy> policy = ParsePolicy(R"(version = 9
[collection.default]
owner = "service"
retry_after = ["10s", "90m"]
min_gap = "5s"
jitter = "0%"
grace = "1m"
exhausted = "stay_past_due"
retry_on_new_payment_method = false
network_limit = { attempts = 3, per = "1h" }
)",
                                            "p.toml");
  ASSERT_TRUE(policy) << policy.error().detail;
  const CollectionPolicy& c = policy->CollectionFor("any");
  EXPECT_EQ(policy->version, 9);
  EXPECT_EQ(c.owner, Owner::kService);
  EXPECT_EQ(c.retry_after, (std::vector<Millis>{10s, 90min}));
  EXPECT_EQ(c.min_gap, 5s);
  EXPECT_EQ(c.jitter_percent, 0);
  EXPECT_EQ(c.grace, 1min);
  EXPECT_EQ(c.exhausted, Exhausted::kStayPastDue);
  EXPECT_FALSE(c.retry_on_new_payment_method);
  EXPECT_EQ(c.network_attempts_max, 3);
  EXPECT_EQ(c.network_window, 1h);
}

TEST(PolicyTest, WithoutAFileTheProviderCollects) {
  const Policy policy = BuiltInPolicy();
  EXPECT_EQ(policy.version, 0);
  EXPECT_TRUE(policy.plans.empty());
  EXPECT_EQ(policy.CollectionFor("pro").owner, Owner::kProvider);
  EXPECT_EQ(OwnerName(Owner::kProvider), "provider");
  EXPECT_EQ(OwnerName(Owner::kService), "service");
  EXPECT_EQ(OwnerName(Owner::kMarketplace), "marketplace");
  EXPECT_EQ(ExhaustedName(Exhausted::kCancel), "cancel");
  EXPECT_EQ(ExhaustedName(Exhausted::kStayPastDue), "stay_past_due");
}

TEST(PolicyTest, KeysThatAreLeftOutHaveTheBuiltInValues) {
  const Result<Policy> policy =
      ParsePolicy("version = 1\n" + kPlan + "[collection.default]\nowner = \"service\"\n", "p.toml");
  ASSERT_TRUE(policy) << policy.error().detail;
  CollectionPolicy expected;
  expected.owner = Owner::kService;
  EXPECT_EQ(policy->CollectionFor("pro").retry_after, expected.retry_after);
  EXPECT_EQ(policy->CollectionFor("pro").min_gap, expected.min_gap);
  EXPECT_EQ(policy->CollectionFor("pro").network_attempts_max, 15);
  EXPECT_EQ(policy->plans.at("pro").title, "pro");
  EXPECT_EQ(policy->plans.at("pro").credits, 0);
}

TEST(PolicyTest, TheDefaultsMayBeSpelledOut) {
  EXPECT_EQ(WrongCollection(R"(owner = "provider"
retry_after = ["1d", "3d", "5d", "7d"]
exhausted = "cancel"
)"),
            "");
}

TEST(PolicyTest, WhatIsNotTomlIsRefusedWithItsLine) {
  EXPECT_EQ(Wrong("version = 1\nplan = [\n").rfind("p.toml:", 0), 0u);
  EXPECT_NE(Wrong("version = 1\n= 3\n").find("p.toml:2: not TOML: "), std::string::npos);
  EXPECT_NE(Wrong("version = 1\nversion = 2\n").find("p.toml:2: not TOML: "), std::string::npos);
  EXPECT_NE(Wrong("version = 1\n" + kPlan + kPlan).find("p.toml:6: not TOML: "), std::string::npos);  // a plan twice
  EXPECT_NE(Wrong("version = 1\n[plan.\xff]\n").find("not TOML"), std::string::npos);
}

TEST(PolicyTest, TheVersionIsAskedFor) {
  EXPECT_EQ(Wrong(""), "p.toml:1: version: missing");
  EXPECT_EQ(Wrong("\nversion = 0\n"), "p.toml:2: version: must be at least 1, not 0");
  EXPECT_EQ(Wrong("version = \"1\"\n"), "p.toml:1: version: must be a whole number");
  EXPECT_EQ(Wrong("version = 99999999999\n"), "p.toml:1: version: must be at most 1000000000, not 99999999999");
}

TEST(PolicyTest, UnknownKeysAreRefusedEverywhere) {
  EXPECT_EQ(Wrong("version = 1\nowner = \"service\"\n"),
            "p.toml:2: owner: unknown key; the keys here are version, plan, collection, marketplace");
  EXPECT_EQ(WrongCollection("min_gap = \"1h\"\nretry_afer = [\"1d\"]\n"),
            "p.toml:4: [collection.default] retry_afer: unknown key; the keys here are owner, retry_after, min_gap, "
            "jitter, grace, exhausted, retry_on_new_payment_method, network_limit");
  EXPECT_EQ(WrongCollection("network_limit = { attempts = 15, per = \"30d\", day = 1 }\n"),
            "p.toml:3: [collection.default] network_limit.day: unknown key; the keys here are attempts, per");
  EXPECT_EQ(Wrong("version = 1\n" + kPlan + "colour = 1\n"),
            "p.toml:6: [plan.pro] colour: unknown key; the keys here are title, rank, price, credits, stripe_prices, "
            "marketplace_products, collection");
}

TEST(PolicyTest, WrongTypesAreRefused) {
  EXPECT_EQ(WrongCollection("owner = 1\nmin_gap = 3600\njitter = 10\ngrace = true\nretry_after = \"1d\"\n"
                            "exhausted = \"give_up\"\nretry_on_new_payment_method = \"yes\"\nnetwork_limit = 15\n"),
            "p.toml:3: [collection.default] owner: must be one of \"provider\", \"service\", \"marketplace\"\n"
            "p.toml:4: [collection.default] min_gap: must be a length of time in quotes, as \"3d\"\n"
            "p.toml:5: [collection.default] jitter: must be whole per cent in quotes, as \"10%\"\n"
            "p.toml:6: [collection.default] grace: must be a length of time in quotes, as \"3d\"\n"
            "p.toml:7: [collection.default] retry_after: must be a list in [ ]\n"
            "p.toml:8: [collection.default] exhausted: must be one of \"cancel\", \"stay_past_due\"\n"
            "p.toml:9: [collection.default] retry_on_new_payment_method: must be true or false\n"
            "p.toml:10: [collection.default] network_limit: must be a table");
  EXPECT_EQ(WrongPlan("title = 3\nrank = \"2\"\nprice = 2000\ncredits = 1.5\nstripe_prices = [7]\ncollection = []\n"),
            "p.toml:3: [plan.pro] title: must be text in quotes\n"
            "p.toml:4: [plan.pro] rank: must be a whole number\n"
            "p.toml:5: [plan.pro] price: must be a table\n"
            "p.toml:6: [plan.pro] credits: must be a whole number\n"
            "p.toml:7: [plan.pro] stripe_prices[0]: must be a price's id in quotes, as \"price_…\"\n"
            "p.toml:8: [plan.pro] collection: must be text in quotes");
  EXPECT_EQ(Wrong("version = 1\nplan = 3\n"), "p.toml:2: plan: must be a table");
  EXPECT_EQ(Wrong("version = 1\n[plan]\npro = 3\n"), "p.toml:3: [plan.pro]: must be a table: [plan.pro]");
  EXPECT_EQ(Wrong("version = 1\n[collection.\"a b\"]\n"),
            "p.toml:2: [collection.a b]: a name is letters, digits, _ and -");
}

TEST(PolicyTest, LengthsOfTimeNeedAUnit) {
  const std::string wrong =
      WrongCollection("min_gap = \"60\"\nretry_after = [\n\"1d\",\n\"tomorrow\",\n]\nowner=\"service\"");
  EXPECT_NE(wrong.find("p.toml:3: [collection.default] min_gap: '60' is not a length"), std::string::npos) << wrong;
  EXPECT_NE(wrong.find("p.toml:6: [collection.default] retry_after[1]: 'tomorrow' is not"), std::string::npos) << wrong;
}

TEST(PolicyTest, APlanNeedsRankPriceAndPrices) {
  EXPECT_EQ(WrongPlan(""),
            "p.toml:2: [plan.pro] rank: missing\n"
            "p.toml:2: [plan.pro] price: missing\n"
            "p.toml:2: [plan.pro] stripe_prices: missing, and marketplace_products too: nothing would buy this plan");
  EXPECT_EQ(WrongPlan("rank = -1\nprice = {}\nstripe_prices = []\ntitle = \"\"\n"),
            "p.toml:3: [plan.pro] rank: must be at least 0, not -1\n"
            "p.toml:4: [plan.pro] price.amount: missing\n"
            "p.toml:4: [plan.pro] price.currency: missing\n"
            "p.toml:4: [plan.pro] price.per: missing\n"
            "p.toml:5: [plan.pro] stripe_prices: is empty: nobody could ever be on this plan\n"
            "p.toml:6: [plan.pro] title: must not be empty");
}

TEST(PolicyTest, AnAmountHasACurrencyOfThreeLowerCaseLetters) {
  for (const char* currency : {"USD", "us", "usdt", "u d", "us~", "€"}) {
    const std::string c(currency);
    EXPECT_EQ(WrongPlan("rank = 1\nstripe_prices = [\"p\"]\nprice = { amount = 1, currency = \"" + c +
                        "\", per = \"month\" }\n"),
              "p.toml:5: [plan.pro] price.currency: must be three lower-case letters, as \"usd\", not \"" + c + "\"");
  }
  EXPECT_EQ(
      WrongPlan("rank = 1\nstripe_prices = [\"p\"]\nprice = { amount = -1, currency = \"usd\", per = \"week\" }\n"),
      "p.toml:5: [plan.pro] price.amount: must be at least 0, not -1\n"
      "p.toml:5: [plan.pro] price.per: must be one of \"month\", \"year\"");
}

std::string Plan(const std::string& name, const std::string& rank, const std::string& prices) {
  return "[plan." + name + "]\nprice = { amount = 1, currency = \"usd\", per = \"year\" }\nrank = " + rank +
         "\nstripe_prices = " + prices + "\n";
}

TEST(PolicyTest, ARankGivenTwiceIsRefusedWhereItIsGivenAgain) {
  EXPECT_EQ(Wrong("version = 1\n" + Plan("zeta", "2", "[\"a\"]") + Plan("alpha", "2", "[\"b\"]")),
            "p.toml:8: [plan.alpha] rank: 2 is already the rank of [plan.zeta]: which of the two is the upgrade?");
}

TEST(PolicyTest, DimensionsOfAProductAreMetered) {
  const Result<Policy> policy =
      ParsePolicy("version = 1\n[marketplace.\"prod1\"]\nmetered = [\"tokens\", \"seats\"]\n", "p.toml");
  ASSERT_TRUE(policy) << policy.error().detail;
  EXPECT_EQ(policy->metered.at("prod1"), (std::vector<std::string>{"tokens", "seats"}));
}

TEST(PolicyTest, WhatIsWrongWithMeteringIsNamed) {
  const auto wrong = [](const std::string& section) {
    const Result<Policy> policy = ParsePolicy("version = 1\n[marketplace.p1]\n" + section, "p.toml");
    return policy ? "" : policy.error().detail;
  };
  EXPECT_EQ(wrong("metered = [\"a\", \"a\"]\n"), "p.toml:3: [marketplace.p1] metered[1]: \"a\" is in the list already");
  EXPECT_EQ(wrong("metered = []\n"),
            "p.toml:3: [marketplace.p1] metered: is empty: leave [marketplace.p1] out where nothing is metered");
  EXPECT_EQ(wrong("metered = [1]\n"),
            "p.toml:3: [marketplace.p1] metered[0]: must be a dimension in quotes, as \"tokens\"");
  EXPECT_EQ(wrong("metered = \"a\"\n"), "p.toml:3: [marketplace.p1] metered: must be a list in [ ]");
  EXPECT_EQ(wrong(""), "p.toml:2: [marketplace.p1] metered: missing");
  EXPECT_EQ(wrong("metered = [\"a\"]\nprice = 1\n"),
            "p.toml:4: [marketplace.p1] price: unknown key; the keys here are metered");
}

TEST(PolicyTest, ProductsOfTheMarketplaceBuyPlansToo) {
  const Result<Policy> policy = ParsePolicy(
      "version = 1\n[plan.team]\nprice = { amount = 1, currency = \"usd\", per = \"year\" }\nrank = 1\n"
      "marketplace_products = [\"prod1\", \"prod2/seats\"]\n",
      "p.toml");
  ASSERT_TRUE(policy) << policy.error().detail;
  EXPECT_EQ(policy->catalog.by_price.at("prod1").name, "team");
  EXPECT_EQ(policy->catalog.by_price.at("prod2/seats").name, "team");
  EXPECT_EQ(WrongPlan("rank = 1\nprice = { amount = 1, currency = \"usd\", per = \"year\" }\n"
                      "stripe_prices = [\"p\"]\nmarketplace_products = [\"p\"]\n"),
            "p.toml:6: [plan.pro] marketplace_products: \"p\" already buys [plan.pro]");
  EXPECT_EQ(WrongPlan("rank = 1\nprice = { amount = 1, currency = \"usd\", per = \"year\" }\n"
                      "marketplace_products = [1]\n"),
            "p.toml:5: [plan.pro] marketplace_products[0]: must be a product code in quotes, as \"prodcode\" or "
            "\"prodcode/dimension\"");
}

TEST(PolicyTest, APriceBuysOnePlan) {
  EXPECT_EQ(Wrong("version = 1\n" + Plan("zeta", "1", "[\"a\", \"b\"]") + Plan("alpha", "2", "[\"c\", \"b\"]")),
            "p.toml:9: [plan.alpha] stripe_prices: \"b\" already buys [plan.zeta]");
  EXPECT_EQ(Wrong("version = 1\n" + Plan("pro", "1", "[\"a\", \"a\"]")),
            "p.toml:5: [plan.pro] stripe_prices: \"a\" already buys [plan.pro]");
}

TEST(PolicyTest, APlanNamesACollectionOfTheFile) {
  EXPECT_EQ(Wrong("version = 1\n" + kPlan + "collection = \"large\"\n"),
            "p.toml:6: [plan.pro] collection: there is no [collection.large]");
  EXPECT_EQ(Wrong("version = 1\n" + kPlan + "collection = \"default\"\n"), "");  // it is always there
}

TEST(PolicyTest, JitterIsFromNoneToAHalf) {
  EXPECT_EQ(WrongCollection("jitter = \"51%\"\n"),
            "p.toml:3: [collection.default] jitter: must be from 0% to 50%, not 51%");
  EXPECT_EQ(WrongCollection("jitter = \"-1%\"\n"),
            "p.toml:3: [collection.default] jitter: must be from 0% to 50%, not -1%");
  EXPECT_EQ(WrongCollection("jitter = \"50%\"\n"), "");
  for (const char* text : {"", "%", "10", "10x", "10.5%", "10 %", "10%%", "99999999999%"}) {
    EXPECT_EQ(WrongCollection("jitter = \"" + std::string(text) + "\"\n"),
              "p.toml:3: [collection.default] jitter: must be whole per cent in quotes, as \"10%\"");
  }
}

TEST(PolicyTest, NoRetryIsCloserThanTheSmallestGap) {
  EXPECT_EQ(
      WrongCollection("owner = \"service\"\nmin_gap = \"2h\"\nretry_after = [\"2h\", \"119m\",\n\"1d\", \"1s\"]\n"),
      "p.toml:5: [collection.default] retry_after[1]: 119m is shorter than min_gap (2h), and two attempts are "
      "never closer than that\n"
      "p.toml:6: [collection.default] retry_after[3]: 1s is shorter than min_gap (2h), and two attempts are "
      "never closer than that");
  EXPECT_EQ(WrongCollection("owner = \"service\"\nmin_gap = \"0s\"\nretry_after = [\"0s\"]\n"),
            "p.toml:5: [collection.default] retry_after[0]: 0s does not wait at all; a retry comes some time after the "
            "failure before it");
  // The built-in schedule is checked against a gap of one's own as well.
  EXPECT_NE(WrongCollection("owner = \"service\"\nmin_gap = \"2d\"\n")
                .find("p.toml:2: [collection.default] retry_after[0]: 1d is shorter"),
            std::string::npos);
}

std::string Service(const std::string& schedule, const std::string& limit) {
  return "owner = \"service\"\nretry_after = " + schedule + "\nnetwork_limit = " + limit + "\n";
}

TEST(PolicyTest, TheScheduleKeepsTheNetworksLimit) {
  EXPECT_EQ(WrongCollection(Service("[\"1d\", \"1d\", \"1d\"]", "{ attempts = 3, per = \"30d\" }")),
            "p.toml:4: [collection.default] retry_after: the first payment and 3 retries come within 3d; network_limit "
            "allows 3 attempts in 30d");
  EXPECT_EQ(WrongCollection(Service("[\"1d\", \"1d\"]", "{ attempts = 3, per = \"30d\" }")), "");
  // A window slides: it may be too full only in the middle of the schedule, and may be left behind.
  EXPECT_EQ(
      WrongCollection(Service("[\"10d\", \"1d\", \"1d\"]", "{ attempts = 2, per = \"3d\" }")),
      "p.toml:4: [collection.default] retry_after: 3 retries come within 2d; network_limit allows 2 attempts in 3d");
  EXPECT_EQ(WrongCollection(Service("[\"3d\", \"3d\", \"3d\"]", "{ attempts = 1, per = \"3d\" }")), "");
  EXPECT_NE(WrongCollection(Service("[\"71h\"]", "{ attempts = 1, per = \"3d\" }")), "");
}

TEST(PolicyTest, TheNetworksLimitIsWhole) {
  EXPECT_EQ(WrongCollection("network_limit = { attempts = 0, per = \"0s\" }\n"),
            "p.toml:3: [collection.default] network_limit.attempts: must be at least 1, not 0\n"
            "p.toml:3: [collection.default] network_limit.per: 0s limits nothing");
  EXPECT_EQ(WrongCollection("network_limit = { attempts = 15 }\n"),
            "p.toml:3: [collection.default] network_limit.per: missing");
  EXPECT_EQ(WrongCollection("network_limit = { per = \"1d\" }\n"),
            "p.toml:3: [collection.default] network_limit.attempts: missing");
}

TEST(PolicyTest, RetriesThatWouldNeverRunAreRefused) {
  EXPECT_EQ(
      WrongCollection("retry_after = [\"1d\"]\n"),
      "p.toml:3: [collection.default] retry_after: owner is \"provider\", so these retries would never run; leave "
      "them out, or set owner = \"service\"");
  EXPECT_EQ(WrongCollection("owner = \"marketplace\"\nretry_after = [\"1d\"]\n"),
            "p.toml:4: [collection.default] retry_after: owner is \"marketplace\", so these retries would never run; "
            "leave them out, or set owner = \"service\"");
  EXPECT_EQ(WrongCollection("retry_after = []\n"), "");
}

TEST(PolicyTest, ACancellationThatWouldNeverComeIsRefused) {
  EXPECT_EQ(
      WrongCollection("owner = \"provider\"\nexhausted = \"cancel\"\n"),
      "p.toml:4: [collection.default] exhausted: owner is \"provider\", so nothing of ours would ever cancel; leave "
      "it out, or set owner = \"service\"");
  EXPECT_EQ(WrongCollection(
                "owner = \"marketplace\"\nexhausted = \"cancel\"\nretry_after = [\"1d\", \"3d\", \"5d\", \"7d\"]\n"),
            "p.toml:4: [collection.default] exhausted: owner is \"marketplace\", so nothing of ours would ever cancel; "
            "leave it out, or set owner = \"service\"");
  EXPECT_EQ(WrongCollection("owner = \"provider\"\nexhausted = \"stay_past_due\"\n"), "");
}

TEST(PolicyTest, AccessDoesNotOutliveTheSubscription) {
  EXPECT_EQ(WrongCollection("owner = \"service\"\ngrace = \"17d\"\n"),
            "p.toml:4: [collection.default] grace: 17d is longer than the whole schedule (16d), at whose end the "
            "subscription is cancelled: access would outlive it");
  EXPECT_EQ(WrongCollection("owner = \"service\"\ngrace = \"16d\"\n"), "");
  EXPECT_EQ(WrongCollection("owner = \"service\"\ngrace = \"17d\"\nexhausted = \"stay_past_due\"\n"), "");
  EXPECT_EQ(WrongCollection("owner = \"provider\"\ngrace = \"17d\"\n"), "");
  EXPECT_NE(WrongCollection("owner = \"service\"\nretry_after = []\ngrace = \"1s\"\n"), "");
}

TEST(PolicyTest, EverythingThatIsWrongIsSaidAtOnceInTheOrderOfTheFile) {
  const std::string wrong = Wrong(R"(version = 0
[collection.zeta]
owner = "provider"
retry_after = ["1m"]
jitter = "80%"
[plan.pro]
rank = 1
price = { amount = 1, currency = "USD", per = "month" }
stripe_prices = ["a"]
[collection.alpha]
owner = "nobody"
[plan.free]
rank = 1
price = { amount = 0, currency = "usd", per = "month" }
stripe_prices = ["a"]
collection = "none"
)");
  std::string places;
  for (std::size_t at = 0; at < wrong.size(); at = std::min(wrong.find('\n', at), wrong.size() - 1) + 1) {
    places += wrong.substr(at + 7, wrong.find(':', at + 7) - at - 7) + " ";
  }
  EXPECT_EQ(places, "1 4 4 5 8 11 13 15 16 ") << wrong;
}

TEST(PolicyTest, AFileThatCannotBeReadIsNamed) {
  const Result<Policy> missing = LoadPolicy("/nonexistent/policy.toml");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Errc::kNotFound);
  EXPECT_EQ(missing.error().detail, "policy /nonexistent/policy.toml: No such file or directory");
  const Result<Policy> folder = LoadPolicy(DUNLIN_SOURCE_DIR);
  ASSERT_FALSE(folder);
  EXPECT_EQ(folder.error().code, Errc::kNotFound);
}

TEST(PolicyTest, AFilesMistakesCarryItsPath) {
  const std::string path = testing::TempDir() + "dunlin_policy_test.toml";
  std::ofstream(path) << "version = 0\n";
  std::string text = "untouched";
  const Result<Policy> policy = LoadPolicy(path, &text);
  std::remove(path.c_str());
  ASSERT_FALSE(policy);
  EXPECT_EQ(policy.error().code, Errc::kInvalidArgument);
  EXPECT_EQ(policy.error().detail, path + ":1: version: must be at least 1, not 0");
  EXPECT_EQ(text, "untouched");
}

}  // namespace
}  // namespace dunlin
