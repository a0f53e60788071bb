#include <gtest/gtest.h>

#include "vault/vault.h"

namespace callgate::vault {
namespace {

// T-66
TEST(HeaderCheck, AllowsOrdinaryCredentials) {
  for (auto [name, value] : std::initializer_list<std::pair<std::string_view, std::string_view>>{{"Authorization", "Bearer abc.def"},
                                                                                                 {"X-Api-Key", "k"},
                                                                                                 {"api_key", "a b\tc"},
                                                                                                 {"Cookie", "session=1; b=2"},
                                                                                                 {"X-Team", "gr\xc3\xbcn"},
                                                                                                 {"McpKey", "x"}})
    EXPECT_TRUE(check_header(name, value)) << name;
}

// T-66
TEST(HeaderCheck, RefusesNamesThatFrameOrBelongToTheGateway) {
  for (auto name : {"Host",
                    "HOST",
                    "Content-Length",
                    "content-length",
                    "Transfer-Encoding",
                    "TE",
                    "Trailer",
                    "Connection",
                    "Keep-Alive",
                    "Upgrade",
                    "Proxy-Authorization",
                    "Proxy-Connection",
                    "Content-Type",
                    "Content-Encoding",
                    "Accept",
                    "Accept-Encoding",
                    "Expect",
                    "Mcp-Session-Id",
                    "mcp-protocol-version",
                    "MCP-Name",
                    "Last-Event-ID",
                    "traceparent"})
    EXPECT_FALSE(check_header(name, "x")) << name;
}

// T-66
TEST(HeaderCheck, RefusesNamesThatAreNoTokens) {
  using namespace std::string_view_literals;
  for (auto name :
       {""sv, " X"sv, "X "sv, "X Y"sv, "X:Y"sv, "X\r\nHost"sv, "X\0Y"sv, "X\tY"sv, "\xc3\xbc"sv, "X(Y)"sv, ":authority"sv, "X\x7f"sv})
    EXPECT_FALSE(check_header(name, "x"));
  EXPECT_FALSE(check_header(std::string(65, 'x'), "x"));
}

// T-66
TEST(HeaderCheck, RefusesValuesThatCouldBreakTheLineAndNeverRepeatsThem) {
  using namespace std::string_view_literals;
  for (auto value : {"s3cret\r\nHost: evil"sv, "s3cret\n"sv, "s3cret\rx"sv, "s3cret\0x"sv, " s3cret"sv, "s3cret "sv, "\ts3cret"sv,
                     "s3cret\x1b[0m"sv, "s3cret\x7f"sv, ""sv}) {
    auto checked = check_header("Authorization", value);
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().reason, "vault.header");
    EXPECT_EQ((checked.error().message + checked.error().detail).find("s3cret"), std::string::npos);
  }
  EXPECT_FALSE(check_header("Authorization", std::string(8 * 1024 + 1, 'x')));
}

}  // namespace
}  // namespace callgate::vault
