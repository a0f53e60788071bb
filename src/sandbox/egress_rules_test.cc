#include "sandbox/egress_rules.h"

#include <gtest/gtest.h>

namespace callgate::sandbox {
namespace {

EgressRules rules(const std::vector<std::string>& list) { return EgressRules::parse(list).value(); }
bool judged(const EgressRules& list, const char* host, const char* address, bool allow_private = false) {
  return list.judge(host, *IpAddress::parse(address), allow_private).has_value();
}

TEST(EgressRules, AllowWhatIsListedAndNothingElse) {
  const auto list = rules({"api.example.org", "db.example.org:5432", "*.cdn.example.org:443", "192.0.2.7:8080"});
  EXPECT_TRUE(list.allows("api.example.org", 443));
  EXPECT_TRUE(list.allows("API.Example.org.", 80));
  EXPECT_TRUE(list.allows("db.example.org", 5432));
  EXPECT_FALSE(list.allows("db.example.org", 443));
  EXPECT_TRUE(list.allows("a.b.cdn.example.org", 443));
  EXPECT_FALSE(list.allows("cdn.example.org", 443));
  EXPECT_FALSE(list.allows("evilcdn.example.org", 443));
  EXPECT_FALSE(list.allows("api.example.org.evil.test", 443));
  EXPECT_FALSE(list.allows("evil.test", 443));
  EXPECT_TRUE(list.allows("192.0.2.7", 8080));
  EXPECT_FALSE(list.allows("192.0.2.7", 80));
  EXPECT_TRUE(rules({}).none());
  EXPECT_FALSE(rules({}).allows("example.org", 443));
  EXPECT_TRUE(rules({"*"}).everything());
}

TEST(EgressRules, RefuseEntriesThatCouldMeanTwoThings) {
  for (const char* entry : {"",
                            " ",
                            "exa mple.org",
                            "http://example.org",
                            "example.org/path",
                            "user@example.org",
                            "example.org:0",
                            "example.org:65536",
                            "example.org:x",
                            "*.org",
                            "*.192.0.2.1",
                            "a*.example.org",
                            "010.1.1.1",
                            "192.0.2",
                            "-x.example.org",
                            "a..b",
                            ".example.org",
                            "example.org:80:90",
                            "[::1",
                            "bücher.example"}) {
    const auto parsed = EgressRules::parse({entry});
    ASSERT_FALSE(parsed) << entry;
    EXPECT_EQ(parsed.error().reason, "sandbox.network");
  }
  EXPECT_FALSE(EgressRules::parse({"*", "example.org"}));
  EXPECT_FALSE(EgressRules::parse(std::vector<std::string>(49, "example.org")));
}

// T-65
TEST(EgressRules, ANameNeverLeadsInside) {
  const auto list = rules({"api.example.org", "10.1.2.3:5432", "169.254.169.254", "[fd00::7]:80"});
  EXPECT_TRUE(judged(list, "api.example.org", "93.184.216.34"));
  EXPECT_TRUE(judged(list, "api.example.org", "2606:2800:220:1::1"));
  for (const char* inside : {"127.0.0.1",
                             "::1",
                             "10.0.0.1",
                             "192.168.1.1",
                             "172.16.0.1",
                             "100.64.0.1",
                             "fd00::1",
                             "169.254.169.254",
                             "fe80::1",
                             "0.0.0.0",
                             "::",
                             "224.0.0.1",
                             "255.255.255.255",
                             "::ffff:127.0.0.1",
                             "64:ff9b::7f00:1",
                             "2002:7f00:1::",
                             "168.63.129.16",
                             "100.100.100.200",
                             "fd00:ec2::254",
                             "::7f00:1"}) {
    EXPECT_FALSE(judged(list, "api.example.org", inside)) << inside;
  }
  EXPECT_FALSE(judged(list, "api.example.org", "10.1.2.3"));  // listed, but not by that name
  EXPECT_TRUE(judged(list, "10.1.2.3", "10.1.2.3"));
  EXPECT_TRUE(judged(list, "[fd00::7]", "fd00::7"));
  EXPECT_FALSE(judged(list, "169.254.169.254", "169.254.169.254"));
  EXPECT_TRUE(judged(list, "api.example.org", "127.0.0.1", true));
  EXPECT_FALSE(judged(list, "api.example.org", "169.254.169.254", true));
}

TEST(EgressRules, EveryNameGetsAnAddressOfItsOwn) {
  const auto list =
      rules({"a.example.org", "b.example.org:5432", "b.example.org:5433", "*.c.example.org", "10.1.2.3:5432", "127.0.0.1:80"});
  ASSERT_EQ(list.names().size(), 3U);
  EXPECT_EQ(list.names()[0].address, "127.77.0.1");
  EXPECT_EQ(list.names()[0].ports, (std::vector<std::uint16_t>{443, 80}));
  EXPECT_EQ(list.names()[1].ports, (std::vector<std::uint16_t>{5432, 5433}));
  EXPECT_EQ(list.names()[2].address, "10.1.2.3");
}

}  // namespace
}  // namespace callgate::sandbox
