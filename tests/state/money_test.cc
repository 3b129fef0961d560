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

}  // namespace
}  // namespace dunlin
