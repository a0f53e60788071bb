#include "session/revision.h"

#include <gtest/gtest.h>

namespace callgate::session {
namespace {

struct Post {
  std::string head_text;
  json::Document document;
  net::Head head;
  Message message;

  Post(const std::string& header_lines, std::string_view body) {
    head_text = "POST /mcp/x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n" + header_lines + "\r\n";
    EXPECT_TRUE(net::read_request_head(head_text, {}, head));
    EXPECT_TRUE(document.parse(body)) << body;
    auto read = read_message(document.root());
    EXPECT_TRUE(read);
    if (read) message = *read;
  }
};

const std::string kMeta =
    R"("_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}})";
std::string call(const std::string& members) { return R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{)" + members + "}}"; }

TEST(Revision, AModernClaimStaysModern) {
  EXPECT_EQ(era_of(Post("", call(R"("name":"x")")).head, Post("", call(R"("name":"x")")).message), Era::Legacy);
  for (auto header : {"MCP-Protocol-Version: 2026-07-28\r\n", "MCP-Protocol-Version: 2027-01-01\r\n", "Mcp-Method: tools/call\r\n"}) {
    Post post(header, call(R"("name":"x")"));
    EXPECT_EQ(era_of(post.head, post.message), Era::Modern) << header;
  }
  Post by_body("", call(kMeta));
  EXPECT_EQ(era_of(by_body.head, by_body.message), Era::Modern);
  Post discover("", R"({"jsonrpc":"2.0","id":1,"method":"server/discover"})");
  EXPECT_EQ(era_of(discover.head, discover.message), Era::Modern);
}

// T-66
TEST(Revision, SaysWhatAModernPostLacks) {
  std::string good = "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: x\r\n";
  auto fault = [](const std::string& head, const std::string& body) {
    return Post(head, body), check_modern(Post(head, body).head, Post(head, body).message).code;
  };
  EXPECT_EQ(fault(good, call(R"("name":"x",)" + kMeta)), 0);
  EXPECT_EQ(fault(good, call(R"("name":"x")")), kInvalidParams);
  EXPECT_EQ(fault("MCP-Protocol-Version: 2026-07-28\r\nMcp-Name: x\r\n", call(R"("name":"x",)" + kMeta)), kHeaderMismatch);
  EXPECT_EQ(fault("MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/list\r\nMcp-Name: x\r\n", call(R"("name":"x",)" + kMeta)),
            kHeaderMismatch);
  EXPECT_EQ(fault("Mcp-Method: tools/call\r\nMcp-Name: x\r\n", call(R"("name":"x",)" + kMeta)), kHeaderMismatch);
  EXPECT_EQ(fault(good, call(R"("name":"y",)" + kMeta)), kHeaderMismatch);
  EXPECT_EQ(fault("MCP-Protocol-Version: 2025-11-25\r\nMcp-Method: tools/call\r\nMcp-Name: x\r\n", call(R"("name":"x",)" + kMeta)),
            kHeaderMismatch);
}

TEST(Revision, UnknownRevisionsGetTheListOfSupportedOnes) {
  Post post(
      "MCP-Protocol-Version: 2027-01-01\r\nMcp-Method: tools/call\r\nMcp-Name: x\r\n",
      call(
          R"("name":"x","_meta":{"io.modelcontextprotocol/protocolVersion":"2027-01-01","io.modelcontextprotocol/clientCapabilities":{}})"));
  ModernFault fault = check_modern(post.head, post.message);
  EXPECT_EQ(fault.code, kUnsupportedVersion);
  EXPECT_NE(fault.data.find(R"("requested":"2027-01-01")"), std::string::npos);
  EXPECT_NE(fault.data.find("2026-07-28"), std::string::npos);
}

TEST(Revision, DecodesMirroredValues) {
  EXPECT_EQ(decode_header_value("plain"), "plain");
  EXPECT_EQ(decode_header_value("=?base64?w7w=?="), "\u00fc");
  EXPECT_FALSE(decode_header_value("=?base64?***?="));
  EXPECT_FALSE(decode_header_value("=?base64?="));
  EXPECT_EQ(decode_header_value("=?base64?w7w="), "=?base64?w7w=") << "half a wrapping is a literal";
  Post post("MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: =?base64?w7w=?=\r\n",
            call("\"name\":\"\u00fc\"," + kMeta));
  EXPECT_EQ(check_modern(post.head, post.message).code, 0);
}

// T-66: numbers are compared as numbers, and a header carries nothing the body does not.
TEST(Revision, MirroredParametersMustBeInTheArguments) {
  auto fault = [](const std::string& value) {
    Post post("MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: x\r\nMcp-Param-N: " + value + "\r\n",
              call(R"("name":"x","arguments":{"a":{"n":42,"s":"eu","b":true}},)" + kMeta));
    return check_modern(post.head, post.message).code;
  };
  for (auto good : {"42", "42.0", "eu", "true"}) EXPECT_EQ(fault(good), 0) << good;
  for (auto bad : {"43", "EU", "false", "null", "\"eu\""}) EXPECT_EQ(fault(bad), kHeaderMismatch) << bad;
}

}  // namespace
}  // namespace callgate::session
