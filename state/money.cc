#include "state/money.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <string_view>

namespace dunlin {
namespace {

// Stripe's zero-decimal currencies (docs.stripe.com/currencies): their minor unit is the whole unit.
constexpr std::array<std::string_view, 16> kWithoutMinorUnit = {"bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga",
                                                                "pyg", "rwf", "ugx", "vnd", "vuv", "xaf", "xof", "xpf"};

bool HasMinorUnit(std::string_view currency) {
  for (const std::string_view name : kWithoutMinorUnit) {
    if (name == currency) return false;
  }
  return true;
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

std::string FormatMoney(const Money& money) {
  std::string currency = money.currency;
  for (char& c : currency) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  if (!HasMinorUnit(money.currency)) return std::to_string(money.minor) + " " + currency;
  const bool negative = money.minor < 0;
  const std::uint64_t size =
      negative ? 0 - static_cast<std::uint64_t>(money.minor) : static_cast<std::uint64_t>(money.minor);
  char out[40];
  const int n = std::snprintf(out, sizeof out, "%s%llu.%02llu ", negative ? "-" : "",
                              static_cast<unsigned long long>(size / 100), static_cast<unsigned long long>(size % 100));
  return std::string(out, static_cast<std::size_t>(n)) + currency;
}

Result<Money> ParseMoney(std::string_view amount, std::string_view currency) {
  constexpr std::size_t kDigitsMax = 13;  // and two more behind the point
  Money money;
  for (const char c : currency) money.currency += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const bool letters =
      std::all_of(money.currency.begin(), money.currency.end(), [](char c) { return c >= 'a' && c <= 'z'; });
  if (money.currency.size() != 3 || !letters) {
    return Fail(Errc::kInvalidArgument, "a currency is three letters, like USD");
  }
  const bool negative = amount.starts_with('-');
  const std::string_view number = amount.substr(negative ? 1 : 0);
  const std::size_t point = std::min(number.find('.'), number.size());
  const std::string_view whole = number.substr(0, point);
  std::string_view fraction = number.substr(std::min(point + 1, number.size()));
  const bool digits =
      std::all_of(whole.begin(), whole.end(), IsDigit) && std::all_of(fraction.begin(), fraction.end(), IsDigit);
  if (whole.empty() || whole.size() > kDigitsMax || !digits || (point < number.size() && fraction.empty())) {
    return Fail(Errc::kInvalidArgument, "an amount is a decimal number, like -100.00");
  }
  while (fraction.ends_with('0')) fraction.remove_suffix(1);
  const std::size_t places = HasMinorUnit(money.currency) ? 2 : 0;
  if (fraction.size() > places) return Fail(Errc::kInvalidArgument, "the amount has a fraction of a minor unit");
  for (const char c : whole) money.minor = money.minor * 10 + (c - '0');
  for (std::size_t i = 0; i < places; ++i)
    money.minor = money.minor * 10 + (i < fraction.size() ? fraction[i] - '0' : 0);
  if (negative) money.minor = -money.minor;
  return money;
}

}  // namespace dunlin
