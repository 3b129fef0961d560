#include "state/codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "tests/support/facts_values.h"

namespace dunlin::testing {
namespace {

void ExpectRoundTrip(const Facts& facts) {
  const std::string text = EncodeFacts(facts);
  const Result<Facts> back = DecodeFacts(text);
  ASSERT_TRUE(back) << back.error().detail << " in " << text;
  EXPECT_EQ(*back, facts) << text;
  EXPECT_EQ(EncodeFacts(*back), text);
}

void ExpectCorrupt(std::string_view text) {
  const Result<Facts> facts = DecodeFacts(text);
  ASSERT_FALSE(facts) << text;
  EXPECT_EQ(facts.error().code, Errc::kCorrupt);
}

TEST(CodecTest, NothingIsAnEmptyObject) {
  EXPECT_EQ(EncodeFacts({}), "{}");
  ExpectRoundTrip({});
}

TEST(CodecTest, EveryFieldComesBack) { ExpectRoundTrip(MakeFacts(3, 2)); }

TEST(CodecTest, DefaultsTakeNoRoomAndComeBack) {
  Facts facts;
  facts.snapshots.resize(2);
  facts.invoices.resize(1);
  EXPECT_EQ(EncodeFacts(facts), R"({"s":[{"k":1},{"k":1}],"i":[{}]})");
  ExpectRoundTrip(facts);
}

TEST(CodecTest, EveryKindAndStatusComesBack) {
  using Kind = SubscriptionSnapshot::Kind;
  for (const Kind kind : {Kind::kCreated, Kind::kUpdated, Kind::kDeleted, Kind::kFetched}) {
    Facts facts;
    facts.snapshots = {FullSnapshot(1)};
    facts.snapshots[0].kind = kind;
    ExpectRoundTrip(facts);
  }
  for (int status = 0; status <= static_cast<int>(ProviderStatus::kCanceled); ++status) {
    Facts facts;
    facts.snapshots = {FullSnapshot(1)};
    facts.snapshots[0].status = static_cast<ProviderStatus>(status);
    facts.snapshots[0].previous->status = static_cast<ProviderStatus>(status);
    ExpectRoundTrip(facts);
  }
  for (int status = 0; status <= static_cast<int>(InvoiceStatus::kPaid); ++status) {
    Facts facts;
    facts.invoices = {FullInvoice(1)};
    facts.invoices[0].status = static_cast<InvoiceStatus>(status);
    ExpectRoundTrip(facts);
  }
}

TEST(CodecTest, AbsentAndEmptyBeforeAnUpdateAreTwoThings) {
  Facts facts;
  facts.snapshots.resize(6);
  facts.snapshots[0].previous = PreviousAttributes{};
  facts.snapshots[1].previous = PreviousAttributes{.cancel_at = std::optional<Timestamp>()};  // was not set
  facts.snapshots[2].previous = PreviousAttributes{.latest_invoice = ""};
  facts.snapshots[3].previous = PreviousAttributes{.default_payment_method = ""};
  facts.snapshots[4].previous = PreviousAttributes{.cancel_at_period_end = false};
  facts.snapshots[5].previous = PreviousAttributes{.prices = std::vector<std::string>{}};
  ExpectRoundTrip(facts);
}

TEST(CodecTest, AFetchKeepsItsFenceAndNumber) {
  Facts facts;
  facts.snapshots = {FullSnapshot(1)};
  facts.snapshots[0].fence = {EventId("evt_1"), EventId("")};
  facts.snapshots[0].fetch_number = std::numeric_limits<std::int64_t>::max();
  ExpectRoundTrip(facts);
}

TEST(CodecTest, TimesAndAmountsOfEverySizeComeBack) {
  Facts facts;
  facts.invoices = {FullInvoice(1)};
  for (const std::int64_t n : {std::numeric_limits<std::int64_t>::min(), std::int64_t{-1}, std::int64_t{0},
                               std::int64_t{1} << 40, std::numeric_limits<std::int64_t>::max()}) {
    facts.invoices[0].amount_due.minor = n;
    facts.invoices[0].amount_remaining = n;
    facts.invoices[0].next_payment_attempt = FromUnixMillis(n);
    facts.baseline.paid_until = FromUnixMillis(n);
    ExpectRoundTrip(facts);
  }
}

TEST(CodecTest, AnyBytesInATextComeBack) {
  Facts facts;
  facts.invoices.resize(1);
  for (int c = 0; c < 256; ++c) facts.invoices[0].customer_email += static_cast<char>(c);
  ExpectRoundTrip(facts);
}

TEST(CodecTest, WhatIsNotFactsIsCorrupt) {
  for (const char* text : {"",
                           "{",
                           "}",
                           "[]",
                           "null",
                           "{}x",
                           "{}{}",
                           " {}",
                           "{\"s\":1}",
                           "{\"s\":[}",
                           "{\"s\":[{}}",
                           "{\"s\":[{\"k\":9}]}",
                           "{\"s\":[{\"k\":-1}]}",
                           "{\"s\":[{\"x\":2}]}",
                           "{\"s\":[{\"s\":\"sleeping\"}]}",
                           "{\"i\":[{\"s\":\"lost\"}]}",
                           "{\"i\":[{\"zz\":1}]}",
                           "{\"i\":[{\"n\":99999999999}]}",
                           "{\"i\":[{\"n\":-99999999999}]}",
                           "{\"i\":[{\"ad\":99999999999999999999}]}",
                           "{\"i\":[{\"i\":\"a]}",
                           "{\"i\":[{\"i\":\"\\x\"}]}",
                           "{\"i\":[{\"i\":\"\\u12\"}]}",
                           "{\"i\":[{},]}",
                           "{\"i\":[,{}]}",
                           "{,}",
                           "{\"i\"}",
                           "{\"i\":[{}]\"s\":[]}"}) {
    ExpectCorrupt(text);
  }
}

TEST(CodecTest, AnErrorNeverShowsWhatIsStored) {
  const Result<Facts> facts = DecodeFacts(R"({"i":[{"em":"ann@example.org","zz":1}]})");
  ASSERT_FALSE(facts);
  EXPECT_EQ(facts.error().detail.find("example"), std::string::npos);
}

TEST(CodecTest, ACutTextIsCorruptAtEveryByte) {
  const std::string text = EncodeFacts(MakeFacts(1, 1));
  for (std::size_t n = 0; n < text.size(); ++n) ExpectCorrupt(std::string_view(text).substr(0, n));
}

TEST(CodecTest, AChangedByteIsReadOrRefusedButNeverMore) {
  const std::string text = EncodeFacts(MakeFacts(1, 1));
  int refused = 0;
  for (std::size_t n = 0; n < text.size(); ++n) {
    for (const char c : {'"', '\\', '{', ']', ',', '0', '-', 'n', '\0'}) {
      std::string changed = text;
      changed[n] = c;
      const Result<Facts> facts = DecodeFacts(changed);
      if (!facts) ++refused;
      if (facts) {
        EXPECT_TRUE(DecodeFacts(EncodeFacts(*facts)));
      }
    }
  }
  EXPECT_GT(refused, static_cast<int>(text.size()));
}

}  // namespace
}  // namespace dunlin::testing
