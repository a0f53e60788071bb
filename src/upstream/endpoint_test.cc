#include "upstream/endpoint.h"

#include <gtest/gtest.h>

namespace callgate::upstream {
namespace {

std::string resolved(std::string_view named, std::string_view stream = "https://mcp.example.com/v1/sse?k=1") {
  const auto to = resolve_endpoint(*Url::parse(stream), named);
  return to ? to->text() : std::string(to.error().reason);
}

TEST(Endpoint, APathOfTheSameOriginIsTaken) {
  EXPECT_EQ(resolved("/messages?sessionId=a"), "https://mcp.example.com/messages?sessionId=a");
  EXPECT_EQ(resolved("https://MCP.example.com:443/messages"), "https://mcp.example.com/messages");
  EXPECT_EQ(resolved("//mcp.example.com/messages"), "https://mcp.example.com/messages");
  EXPECT_EQ(resolved("messages/?s=1"), "https://mcp.example.com/v1/messages/?s=1");
  EXPECT_EQ(resolved("?s=1"), "https://mcp.example.com/v1/sse?s=1");
  EXPECT_EQ(resolved("../m"), "https://mcp.example.com/m");
  EXPECT_EQ(resolved("/a/./b/../c/?x=/../y"), "https://mcp.example.com/a/c/?x=/../y");
  EXPECT_EQ(resolved("/../../m"), "https://mcp.example.com/m");
  EXPECT_EQ(resolved("http://127.0.0.1:9/m", "http://127.0.0.1:9/sse"), "http://127.0.0.1:9/m");
}

// T-65
TEST(Endpoint, AnotherOriginIsRefused) {
  for (const char* named :
       {"http://mcp.example.com/messages", "https://mcp.example.com:8443/m", "https://evil.example/m", "//evil.example/m",
        "https://mcp.example.com@evil.example/m", "https://mcp.example.com.evil.example/m", "http://169.254.169.254/latest",
        "https:\\\\evil.example/m", "/\\evil.example/m", "javascript:alert(1)", "file:///etc/passwd", "HTTPS://evil.example/"})
    EXPECT_EQ(resolved(named), "upstream.endpoint") << named;
}

TEST(Endpoint, WhatIsNoAddressIsRefused) {
  for (const std::string& named :
       {std::string(), std::string("/a b"), std::string("/a\r\nX: y"), std::string("/a#b"), std::string("/\x80"), std::string("/a\0b", 4),
        std::string(3'000, 'a'), std::string("/%zz"), std::string("/..//x"), std::string("//")})
    EXPECT_EQ(resolved(named), "upstream.endpoint") << named;
}

}  // namespace
}  // namespace callgate::upstream
