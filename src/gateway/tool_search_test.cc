#include "gateway/tool_search.h"

#include <gtest/gtest.h>

#include "json/document.h"

namespace callgate::gateway {
namespace {

catalog::ServerEntry entry(std::string slug, const std::vector<std::pair<std::string, std::string>>& tools, const std::string& policy) {
  catalog::ServerEntry made;
  made.server.id = made.server.slug = made.server.name = std::move(slug);
  for (const auto& [name, description] : tools) {
    made.tool_names.push_back(name);
    made.texts.push_back(catalog::make_tool_text(name, R"({"name":")" + name + R"(","description":")" + description + R"("})"));
  }
  made.policy = policy::Policy::compile("p", 1, policy).policy;
  return made;
}

class ToolSearch : public ::testing::Test {
 protected:
  void hide(const std::string& more) { policy = "version: \"1\"\ndefault: allow\n" + more; }
  std::vector<std::string> names(std::string_view query, std::size_t limit = 10) {
    std::vector<catalog::ServerEntry> servers;
    servers.push_back(entry("forge",
                            {{"close_issue", "Closes one issue"},
                             {"createIssue", "Opens an issue in a project"},
                             {"list_commits", "Shows what was committed, with authors and dates. An issue may be mentioned"}},
                            policy));
    servers.push_back(entry("shop", {{"refund_payment", "Gives money back for a charge"}, {"search_tools", "Finds hammers"}}, policy));
    catalog::Catalog catalog(std::move(servers), {});
    identity::GrantEntry caller;
    caller.grant.id = "grt_1";
    caller.grant.servers = {"*"};
    HubNames all(catalog, caller);
    std::vector<std::string> found;
    for (const FoundTool& tool : search_tools(all, query, limit, total)) found.emplace_back(tool.shared_name);
    return found;
  }
  using Names = std::vector<std::string>;
  std::string policy = "version: \"1\"\ndefault: allow\n";
  std::size_t total = 0;
};

TEST_F(ToolSearch, RanksNamesBeforeMentions) {
  EXPECT_EQ(names("create issue"), (Names{"createIssue", "close_issue", "list_commits"}));
  EXPECT_EQ(names("money"), Names{"refund_payment"});
  EXPECT_EQ(names("Refunds"), Names{"refund_payment"}) << "a plural finds the singular";
  EXPECT_TRUE(names("quantum").empty());
}

TEST_F(ToolSearch, AnswersInOrderAndWithinTheLimit) {
  EXPECT_EQ(names("issue", 1).size(), 1u);
  EXPECT_EQ(total, 3u);
  EXPECT_EQ(names(" ", 2), (Names{"close_issue", "createIssue"})) << "no words: all by name";
  EXPECT_EQ(total, 5u);
}

// T-30, T-40: what is hidden is not found, and its words weigh nothing.
TEST_F(ToolSearch, WhatIsHiddenIsNotFound) {
  hide("hide: [refund_payment]\n");
  EXPECT_TRUE(names("refund payment money").empty());
  EXPECT_EQ(total, 0u);
}

TEST_F(ToolSearch, AToolOfAServerDoesNotTakeItsName) { EXPECT_EQ(names("hammers"), Names{"shop__search_tools"}); }

TEST(ToolText, WordsAreSplitAsPeopleReadThem) {
  EXPECT_EQ(catalog::words_of("getUserById"), catalog::words_of("get user-by_ID"));
  EXPECT_EQ(catalog::words_of("Queries boxes"), catalog::words_of("query boxe"));
  EXPECT_EQ(catalog::words_of("status class"), catalog::words_of("STATUS CLASS"));
  EXPECT_EQ(catalog::words_of("über straße").size(), 2u);
}

TEST(ToolText, CountsParametersOfNestedSchemas) {
  auto text = catalog::make_tool_text("t", R"({"name":"t","inputSchema":{"type":"object","properties":{"where":{"type":"object",
      "properties":{"galaxy":{"type":"string","description":"which one"}}}}}})");
  EXPECT_EQ(text->weight(catalog::words_of("galaxy")[0]), 1u);
  EXPECT_EQ(text->weight(catalog::words_of("t")[0]), 3u);
  EXPECT_EQ(catalog::make_tool_text("broken", "{")->length, 3u);
}

TEST(ToolSearchList, IsTwoTools) {
  std::string out;
  append_search_list(out, HubNames(catalog::Catalog({}, {}), {}), {});
  json::Document list;
  ASSERT_TRUE(list.parse(out)) << out;
  ASSERT_EQ(list.root().size(), 2u);
  EXPECT_EQ(list.root().child(0)["name"].string(), kSearchTools);
  EXPECT_EQ(list.root().child(1)["name"].string(), kCallTool);
  EXPECT_EQ(list.root().child(1)["inputSchema"]["required"].size(), 1u);
}

}  // namespace
}  // namespace callgate::gateway
