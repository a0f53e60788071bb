#include "sandbox/egress_request.h"

#include <gtest/gtest.h>

namespace callgate::sandbox {
namespace {

TEST(EgressRequest, ReadsATunnel) {
  const auto request = parse_egress_request("CONNECT API.example.org:443 HTTP/1.1\r\nHost: x\r\nProxy-Authorization: Basic eA==\r\n\r\n");
  ASSERT_TRUE(request);
  EXPECT_TRUE(request->tunnel);
  EXPECT_EQ(request->target.host, "api.example.org");
  EXPECT_EQ(request->target.port, 443);
  EXPECT_EQ(parse_egress_request("CONNECT [2001:db8::1]:443 HTTP/1.1\r\n\r\n")->target.host, "2001:db8::1");
}

TEST(EgressRequest, RebuildsAPlainRequestForItsOneHost) {
  const auto request = parse_egress_request(
      "POST http://api.example.org/v1?q=1 HTTP/1.1\r\nHost: other.test\r\nContent-Length: 3\r\nProxy-Connection: keep-alive\r\n"
      "connection: keep-alive\r\n\r\n");
  ASSERT_TRUE(request);
  EXPECT_FALSE(request->tunnel);
  EXPECT_EQ(request->target.port, 80);
  EXPECT_EQ(request->rebuilt, "POST /v1?q=1 HTTP/1.1\r\nHost: api.example.org\r\nConnection: close\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(parse_egress_request("GET http://h.test?q HTTP/1.1\r\n\r\n")->rebuilt,
            "GET /?q HTTP/1.1\r\nHost: h.test\r\nConnection: close\r\n\r\n");
}

TEST(EgressRequest, RefusesEverythingElse) {
  for (const char* head : {"",
                           "\r\n\r\n",
                           "GET / HTTP/1.1\r\n\r\n",
                           "GET https://h.test/ HTTP/1.1\r\n\r\n",
                           "CONNECT h.test HTTP/1.1\r\n\r\n",
                           "CONNECT h.test:0 HTTP/1.1\r\n\r\n",
                           "CONNECT h.test:99999 HTTP/1.1\r\n\r\n",
                           "CONNECT :443 HTTP/1.1\r\n\r\n",
                           "CONNECT user@h.test:443 HTTP/1.1\r\n\r\n",
                           "CONNECT h.test:443 x HTTP/1.1\r\n\r\n",
                           "CONNECT h.test:443 HTTP/2.0\r\n\r\n",
                           "CONNECT h.test:443\r\n\r\n",
                           "GET http:///x HTTP/1.1\r\n\r\n",
                           "GET http://user@h.test/ HTTP/1.1\r\n\r\n",
                           "GET http://h.test/#x HTTP/1.1\r\n\r\n",
                           "GET http://h.test/ HTTP/1.1\r\nbroken\r\n\r\n",
                           "GET http://h.test/ HTTP/1.1\r\n folded: x\r\n\r\n",
                           "GET http://h.test/ HTTP/1.1\r\nA : x\r\n\r\n",
                           "GET http://h.test/ HTTP/1.1\r\nA: x\nB: y\r\n\r\n",
                           "GET http://h.test/ HTTP/1.1\r\nA: x\r\n",
                           "G\x01T http://h.test/ HTTP/1.1\r\n\r\n",
                           "GET http://h%2etest/ HTTP/1.1\r\n\r\n"}) {
    EXPECT_FALSE(parse_egress_request(head)) << head;
  }
}

}  // namespace
}  // namespace callgate::sandbox
