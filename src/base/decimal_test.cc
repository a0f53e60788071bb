#include "base/decimal.h"

#include <gtest/gtest.h>

#include <random>

namespace callgate {
namespace {

Decimal read(std::string_view literal) {
  auto value = Decimal::parse(literal);
  EXPECT_TRUE(value) << literal;
  return value.value_or(Decimal());
}

// T-05
TEST(Decimal, ReadsWhatWasWrittenNotTheNearestDouble) {
  EXPECT_GT(read("9007199254740993"), read("9007199254740992"));
  EXPECT_GT(read("18446744073709551666"), read("18446744073709551665"));
  EXPECT_LT(read("0.1"), read("0.10000000000000000000000000000000000001"));
  EXPECT_EQ(read("0.3"), *read("0.1").plus(read("0.2")));
}

// T-05
TEST(Decimal, EqualValuesCompareEqualHoweverTheyWereWritten) {
  for (auto text : {"1", "1.0", "1e0", "10e-1", "0.1e1", "1.000000000000000000000000000000000000000000000000", "100E-2"})
    EXPECT_EQ(read(text), read("1")) << text;
  for (auto text : {"0", "-0", "0.0", "-0.0e5", "0e999999999999999999999"}) {
    EXPECT_TRUE(read(text).zero()) << text;
    EXPECT_FALSE(read(text).negative()) << text;
  }
}

// T-05, T-21
TEST(Decimal, RefusesWhatIsNotAJsonNumber) {
  for (auto text : {"",      "-",   "+1",       "010",       "-01",  "00",    ".5", "5.", "1e",  "1e+",
                    "1e+-1", "NaN", "Infinity", "-Infinity", "0x10", "1_000", " 1", "1 ", "1,5", "１"})
    EXPECT_FALSE(Decimal::parse(text)) << text;
}

// T-21
TEST(Decimal, RefusesWhatDoesNotFitExactly) {
  EXPECT_TRUE(Decimal::parse(std::string(38, '9')));
  EXPECT_FALSE(Decimal::parse(std::string(39, '9')));
  EXPECT_TRUE(Decimal::parse("1" + std::string(400, '0')));
  EXPECT_FALSE(Decimal::parse("1" + std::string(401, '0')));
  EXPECT_TRUE(Decimal::parse("0." + std::string(399, '0') + "1"));
  EXPECT_FALSE(Decimal::parse("0." + std::string(400, '0') + "1"));
  EXPECT_FALSE(Decimal::parse("1" + std::string(50, '0') + "1"));
  EXPECT_TRUE(Decimal::parse("1e400"));
  EXPECT_FALSE(Decimal::parse("1e401"));
  EXPECT_FALSE(Decimal::parse("1e-401"));
  EXPECT_FALSE(Decimal::parse("1e99999999999999999999999"));
  EXPECT_FALSE(Decimal::parse("1e-99999999999999999999999"));
}

TEST(Decimal, OrdersAcrossSignsAndSizes) {
  const char* rising[] = {"-1e400", "-1e38",   "-2", "-1.5",    "-1e-400", "0",  "1e-400",
                          "1e-20",  "0.99999", "1",  "1.00001", "9",       "10", "99999999999999999999999999999999999999",
                          "1e38",   "1e400"};
  for (std::size_t i = 0; i < std::size(rising); ++i)
    for (std::size_t k = 0; k < std::size(rising); ++k)
      EXPECT_EQ(read(rising[i]) <=> read(rising[k]), i <=> k) << rising[i] << ' ' << rising[k];
}

TEST(Decimal, OrdersRawPartsBeyondTheReadersRange) {
  __int128 top = ~(static_cast<__int128>(1) << 127);
  EXPECT_GT(Decimal::from_parts(top, 0), Decimal::from_parts(top - 1, 0));
  EXPECT_LT(Decimal::from_parts(top, 0), Decimal::from_parts(2, 38));
  EXPECT_LT(Decimal::from_parts(-top - 1, 0), Decimal::from_parts(-top, 0));
}

TEST(Decimal, AddsExactlyOrSaysNothing) {
  EXPECT_EQ(*read("5000").plus(read("0.01")), read("5000.01"));
  EXPECT_EQ(*read("99999999999999999999999999999999999999").plus(read("1")), read("1e38"));
  EXPECT_FALSE(read("99999999999999999999999999999999999999").plus(read("2")));
  EXPECT_EQ(*read("1e38").minus(read("1")), read("99999999999999999999999999999999999999"));
  EXPECT_EQ(*read("1e38").plus(read("-99999999999999999999999999999999999999")), read("1"));
  EXPECT_FALSE(read("1e39").plus(read("1")));
  EXPECT_FALSE(read("1e400").plus(read("1e-400")));
  EXPECT_FALSE(read("9e400").plus(read("1e400")));
  EXPECT_TRUE(read("1e400").minus(read("1e400"))->zero());
  EXPECT_EQ(*read("0").plus(read("-7e-9")), read("-7e-9"));
}

TEST(Decimal, TextReadsBackAsTheSameValue) {
  EXPECT_EQ(read("1000").text(), "1000");
  EXPECT_EQ(read("-12.50").text(), "-12.5");
  EXPECT_EQ(read("5e-4").text(), "0.0005");
  EXPECT_EQ(read("1e400").text(), "1e400");
  EXPECT_EQ(read("-1.25e-30").text(), "-1.25e-30");
  std::mt19937_64 random(7);
  for (int i = 0; i < 5000; ++i) {
    __int128 coefficient = static_cast<__int128>(random()) * static_cast<__int128>(random() % 1'000'000'000);
    if (i % 2) coefficient = -coefficient;
    if (i % 3 == 0) coefficient %= 1000;
    auto value = Decimal::from_parts(coefficient, static_cast<std::int32_t>(random() % 700) - 350);
    auto back = Decimal::parse(value.text());
    ASSERT_TRUE(back) << value.text();
    EXPECT_EQ(*back, value) << value.text();
  }
}

TEST(Decimal, SumsAndOrderAgreeWithWideIntegers) {
  std::mt19937_64 random(11);
  for (int i = 0; i < 5000; ++i) {
    auto a = static_cast<std::int64_t>(random() >> (random() % 60)), b = static_cast<std::int64_t>(random() >> (random() % 60));
    EXPECT_EQ(Decimal(a) <=> Decimal(b), a <=> b);
    EXPECT_EQ(*Decimal(a).plus(Decimal(b)), Decimal::from_parts(static_cast<__int128>(a) + b, 0));
    EXPECT_EQ(*Decimal(a).minus(Decimal(b)), Decimal::from_parts(static_cast<__int128>(a) - b, 0));
  }
}

}  // namespace
}  // namespace callgate
