#include "state/money.h"

#include <gtest/gtest.h>

#include <limits>

namespace dunlin {
namespace {

TEST(MoneyTest, IsWrittenWithTheCurrencysOwnMinorUnit) {
  EXPECT_EQ(FormatMoney({4000, "usd"}), "40.00 USD");
  EXPECT_EQ(FormatMoney({5, "usd"}), "0.05 USD");
  EXPECT_EQ(FormatMoney({-1234, "eur"}), "-12.34 EUR");
  EXPECT_EQ(FormatMoney({4000, "jpy"}), "4000 JPY");
}

TEST(MoneyTest, TheSmallestNumberDoesNotOverflow) {
  EXPECT_EQ(FormatMoney({std::numeric_limits<std::int64_t>::min(), "usd"}), "-92233720368547758.08 USD");
}

TEST(MoneyTest, DecimalTextIsReadInTheCurrencysOwnMinorUnit) {
  EXPECT_EQ(ParseMoney("-100.00", "USD"), (Money{-10000, "usd"}));
  EXPECT_EQ(ParseMoney("0.5", "usd"), (Money{50, "usd"}));
  EXPECT_EQ(ParseMoney("12", "EUR"), (Money{1200, "eur"}));
  EXPECT_EQ(ParseMoney("1.2300", "EUR"), (Money{123, "eur"}));
  EXPECT_EQ(ParseMoney("4000.00", "JPY"), (Money{4000, "jpy"}));
  EXPECT_EQ(ParseMoney("9999999999999.99", "usd"), (Money{999'999'999'999'999, "usd"}));
}

TEST(MoneyTest, WhatIsNoAmountOrNoCurrencyIsRefused) {
  for (const char* amount :
       {"", "-", ".", "1.", ".5", "--1", "+1", "1e3", "1,00", " 1", "1.2.3", "1.x", "0.001", "10000000000000"}) {
    const Result<Money> money = ParseMoney(amount, "usd");
    ASSERT_FALSE(money) << amount;
    EXPECT_EQ(money.error().code, Errc::kInvalidArgument);
  }
  EXPECT_FALSE(ParseMoney("0.5", "jpy"));
  for (const char* currency : {"", "us", "usdt", "u$d", "us~"}) EXPECT_FALSE(ParseMoney("1", currency)) << currency;
}

}  // namespace
}  // namespace dunlin
