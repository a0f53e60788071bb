#include "listener/admission.h"

#include <gtest/gtest.h>

namespace callgate::listener {
namespace {

// T-64
TEST(Admission, KnowsItsHosts) {
  const AllowedNames names("192.0.2.7", 8808, {"gate.example.com", "other.example.com:8443"}, {});
  for (const char* good : {"localhost", "LocalHost:1", "127.0.0.1:8808", "[::1]", "[::1]:9", "192.0.2.7", "192.0.2.7:8808",
                           "gate.example.com", "Gate.Example.COM:443", "other.example.com:8443"}) {
    EXPECT_TRUE(names.host(good)) << good;
  }
  for (const char* bad : {"",
                          "evil.example",
                          "localhost.evil.example",
                          "localhost.",
                          "evil.localhost",
                          "127.0.0.1.evil.example",
                          "127.0.0.2",
                          "127.1",
                          "2130706433",
                          "0.0.0.0",
                          "[::]",
                          "::1",
                          "[::1",
                          "[::1]x",
                          "localhost:",
                          "localhost:80a",
                          "localhost:808080",
                          "localhost:1:2",
                          "gate.example.com.",
                          "other.example.com",
                          "other.example.com:1",
                          "gate.example.com:443:443",
                          ":8808"}) {
    EXPECT_FALSE(names.host(bad)) << bad;
  }
}

TEST(Admission, DoesNotTakeAWildcardAddressForAName) {
  for (const char* any : {"0.0.0.0", "::"}) {
    const AllowedNames names(any, 8808, {}, {});
    EXPECT_FALSE(names.host("0.0.0.0"));
    EXPECT_FALSE(names.host("[::]"));
    EXPECT_TRUE(names.host("localhost"));
  }
  EXPECT_TRUE(AllowedNames("fd00::1", 1, {}, {}).host("[fd00::1]:1"));
}

// T-64
TEST(Admission, KnowsItsOrigins) {
  const AllowedNames names("127.0.0.1", 8808, {"gate.example.com"}, {"https://console.example.com", "null"});
  const std::string_view host = "gate.example.com";
  for (const char* good : {"https://console.example.com", "http://localhost:8808", "http://127.0.0.1:8808", "https://[::1]:8808",
                           "https://gate.example.com", "http://gate.example.com"}) {
    EXPECT_TRUE(names.origin(good, host, false)) << good;
  }
  for (const char* bad : {"", "null", "NULL", "http://localhost", "http://localhost:8809", "http://localhost:3000", "https://evil.example",
                          "https://console.example.com.evil.example", "http://console.example.com", "https://console.example.com:444",
                          "https://gate.example.com:1", "https://gate.example.com/", "ftp://gate.example.com", "gate.example.com",
                          "https://gate.example.com https://evil.example", "http://", "https://"}) {
    EXPECT_FALSE(names.origin(bad, host, false)) << bad;
  }
  EXPECT_TRUE(names.origin("https://gate.example.com", host, true));
  EXPECT_FALSE(names.origin("http://gate.example.com", host, true));  // a page from the wire is not the page we served
  EXPECT_FALSE(names.origin("https://", "", false));
}

}  // namespace
}  // namespace callgate::listener
