#include "webhooks/http/address.h"

#include <gtest/gtest.h>

#include "webhooks/http/admission.h"

namespace dunlin {
namespace {

IpAddress Ip(std::string_view text) {
  const auto address = IpAddress::Parse(text);
  EXPECT_TRUE(address) << text;
  return address.value_or(IpAddress());
}
std::vector<IpRange> Ranges(std::initializer_list<const char*> texts) {
  std::vector<IpRange> ranges;
  for (const char* text : texts) ranges.push_back(IpRange::Parse(text).value());
  return ranges;
}

TEST(AddressTest, TheSameAddressIsTheSameHoweverItIsWritten) {
  EXPECT_EQ(Ip("192.0.2.1"), Ip("::ffff:192.0.2.1"));
  EXPECT_EQ(Ip("::ffff:192.0.2.1").Text(), "192.0.2.1");
  EXPECT_EQ(Ip("2001:DB8:0::1").Text(), "2001:db8::1");
  for (const char* text : {"", "192.0.2", "192.0.2.256", "localhost", "2001:db8::g", "1.2.3.4 ", "1.2.3.4:80"}) {
    EXPECT_FALSE(IpAddress::Parse(text)) << text;
  }
}

TEST(AddressTest, LoopbackIsKnown) {
  for (const char* text : {"127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"}) {
    EXPECT_TRUE(IsIn(LoopbackRanges(), Ip(text))) << text;
  }
  for (const char* text : {"128.0.0.1", "::", "::2", "2001:db8::1"}) {
    EXPECT_FALSE(IsIn(LoopbackRanges(), Ip(text))) << text;
  }
}

TEST(AddressTest, ARangeHoldsWhatBeginsLikeIt) {
  const auto contains = [](const char* range, const char* address) {
    return IpRange::Parse(range).value().Contains(Ip(address));
  };
  EXPECT_TRUE(contains("10.0.0.0/8", "10.255.1.2"));
  EXPECT_FALSE(contains("10.0.0.0/8", "11.0.0.0"));
  EXPECT_TRUE(contains("192.0.2.128/25", "192.0.2.255"));
  EXPECT_FALSE(contains("192.0.2.128/25", "192.0.2.127"));
  EXPECT_TRUE(contains("192.0.2.7", "192.0.2.7"));
  EXPECT_FALSE(contains("192.0.2.7", "192.0.2.6"));
  EXPECT_TRUE(contains("2001:db8::/33", "2001:db8:7fff::1"));
  EXPECT_FALSE(contains("2001:db8::/33", "2001:db8:8000::1"));
  EXPECT_TRUE(contains("0.0.0.0/0", "192.0.2.7"));
  EXPECT_FALSE(contains("0.0.0.0/0", "2001:db8::1")) << "the other kind of address";
  EXPECT_TRUE(contains("::/0", "192.0.2.7"));
}

TEST(AddressTest, WhatIsNoRangeIsNamed) {
  for (const char* text : {"", "proxy", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0.0/8x", "2001:db8::/129"}) {
    const auto range = IpRange::Parse(text);
    ASSERT_FALSE(range) << text;
    EXPECT_NE(range.error().detail.find("'" + std::string(text) + "'"), std::string::npos);
  }
}

class ClientOfTest : public ::testing::Test {
 protected:
  std::string Client(const char* peer, std::initializer_list<const char*> forwarded) const {
    HttpHeaders headers;
    for (const char* value : forwarded) headers.Add("x-forwarded-for", value);
    return ClientOf(Ip(peer), headers, proxies_).Text();
  }
  const std::vector<IpRange> proxies_ = Ranges({"10.0.0.0/8", "127.0.0.1"});
};

TEST_F(ClientOfTest, ItIsTheOtherEndOfTheSocketUnlessThatIsAProxy) {
  EXPECT_EQ(Client("192.0.2.1", {"6.6.6.6"}), "192.0.2.1");
  EXPECT_EQ(Client("127.0.0.2", {"6.6.6.6"}), "127.0.0.2");
  EXPECT_EQ(Client("127.0.0.1", {}), "127.0.0.1");
}

TEST_F(ClientOfTest, ItIsWhomTheLastTrustedProxySpokeTo) {
  EXPECT_EQ(Client("127.0.0.1", {"192.0.2.1"}), "192.0.2.1");
  EXPECT_EQ(Client("127.0.0.1", {"6.6.6.6, 192.0.2.1"}), "192.0.2.1") << "what stands before is the client's own word";
  EXPECT_EQ(Client("127.0.0.1", {"6.6.6.6", "192.0.2.1 , 10.1.1.1"}), "192.0.2.1");
  EXPECT_EQ(Client("127.0.0.1", {"192.0.2.1", "10.1.1.1"}), "192.0.2.1");
  EXPECT_EQ(Client("127.0.0.1", {"10.2.2.2,10.1.1.1"}), "10.2.2.2");
  EXPECT_EQ(Client("127.0.0.1", {"192.0.2.1:4711"}), "192.0.2.1");
  EXPECT_EQ(Client("127.0.0.1", {"[2001:db8::1]:4711"}), "2001:db8::1");
  EXPECT_EQ(Client("127.0.0.1", {"2001:db8::1"}), "2001:db8::1");
}

TEST_F(ClientOfTest, WhatIsNoAddressEndsTheSearch) {
  EXPECT_EQ(Client("127.0.0.1", {"192.0.2.1, unknown"}), "127.0.0.1");
  EXPECT_EQ(Client("127.0.0.1", {"192.0.2.1, , 10.1.1.1"}), "10.1.1.1");
  EXPECT_EQ(Client("127.0.0.1", {""}), "127.0.0.1");
  EXPECT_EQ(Client("127.0.0.1", {"["}), "127.0.0.1");
}

TEST(AdmissionTest, OneAddressHasABoundAndAnotherIsNotItsConcern) {
  Admission admission(100, 2, {});
  EXPECT_TRUE(admission.Enter(Ip("192.0.2.1")));
  EXPECT_TRUE(admission.Enter(Ip("192.0.2.1")));
  EXPECT_FALSE(admission.Enter(Ip("192.0.2.1")));
  EXPECT_TRUE(admission.Enter(Ip("192.0.2.2")));
  admission.Leave(Ip("192.0.2.1"));
  EXPECT_TRUE(admission.Enter(Ip("192.0.2.1")));
}

TEST(AdmissionTest, ANetworkOfIpV6CountsAsOneAddress) {
  Admission admission(100, 1, {});
  EXPECT_TRUE(admission.Enter(Ip("2001:db8::1")));
  EXPECT_FALSE(admission.Enter(Ip("2001:db8::ffff:1")));
  EXPECT_TRUE(admission.Enter(Ip("2001:db8:0:1::1")));
  admission.Leave(Ip("2001:db8::1"));
  EXPECT_TRUE(admission.Enter(Ip("2001:db8::2")));
}

TEST(AdmissionTest, TheExemptHaveNone) {
  Admission admission(100, 1, Ranges({"10.0.0.0/8", "::1"}));
  for (const char* address : {"::1", "10.1.2.3"}) {
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(admission.Enter(Ip(address))) << address;
    for (int i = 0; i < 5; ++i) admission.Leave(Ip(address));
  }
}

TEST(AdmissionTest, ItIsFullWhenAllAreOpen) {
  Admission admission(2, 100, {});
  admission.Opened();
  EXPECT_FALSE(admission.full());
  admission.Opened();
  EXPECT_TRUE(admission.full());
  admission.Closed();
  EXPECT_FALSE(admission.full());
}

}  // namespace
}  // namespace dunlin
