#include "identity/access.h"

#include <gtest/gtest.h>

#include <random>

#include "identity/identity.h"

namespace callgate::identity {
namespace {

Server server(const std::string& id, const std::string& slug) {
  Server made;
  made.id = id;
  made.slug = slug;
  return made;
}

GrantEntry entry(std::vector<std::string> servers, std::optional<Role> role = {}) {
  GrantEntry made;
  made.grant.servers = std::move(servers);
  if (role) {
    made.grant.role = role->name;
    made.role = std::make_shared<const Role>(*role);
  }
  return made;
}

TEST(Glob, KnowsStarAndQuestionMarkOnly) {
  struct Case {
    std::string_view glob, text;
    bool match;
  };
  for (const Case& each : std::initializer_list<Case>{
           {"", "", true},          {"", "a", false},     {"*", "", true},       {"*", "anything", true}, {"a*", "a", true},
           {"a*", "ba", false},     {"*a", "ba", true},   {"a*c", "abbc", true}, {"a*c", "abcd", false},  {"a*b*c", "aXbYc", true},
           {"a*b*c", "acb", false}, {"?", "a", true},     {"?", "", false},      {"?", "ab", false},      {"get_?", "get_x", true},
           {"**", "x", true},       {"*ab", "aab", true}, {"[ab]", "a", false},  {"[ab]", "[ab]", true},  {"a\\*", "a*", false},
           {"{a,b}", "a", false},   {"A", "a", false},    {"a", "a ", false},    {".", "x", false},       {"caf?", "café", false},
           {"caf??", "café", true}})
    EXPECT_EQ(glob_match(each.glob, each.text), each.match) << each.glob << " on " << each.text;
}

TEST(Glob, IsNotSlowOnHostilePatterns) {
  std::string text(5'000, 'a');
  std::string glob;
  for (int i = 0; i < 100; ++i) glob += "*a";
  EXPECT_TRUE(glob_match(glob, text));
  EXPECT_FALSE(glob_match(glob + "b", text));
}

// T-62
TEST(Access, CoversOnlyTheServersOfTheGrant) {
  auto one = entry({"id-a", "id-b"});
  EXPECT_TRUE(may_use_server(one, server("id-a", "alpha")));
  EXPECT_TRUE(may_use_tool(one, server("id-b", "beta"), "anything"));
  EXPECT_FALSE(may_use_server(one, server("id-c", "gamma")));
  EXPECT_FALSE(may_use_tool(one, server("id-c", "id-a"), "x")) << "a slug that looks like another server's id";
  EXPECT_FALSE(may_use_server(one, server("ID-A", "alpha")));
  EXPECT_FALSE(may_use_server(entry({}), server("id-a", "alpha")));
  EXPECT_TRUE(may_use_server(entry({"*"}), server("id-c", "gamma")));
  EXPECT_FALSE(may_use_server(entry({"id-*"}), server("id-c", "gamma"))) << "server ids are no patterns";
}

// D-03
TEST(Access, NarrowsToTheRole) {
  Role role{"support", "", {{"crm", {"get_*", "list_accounts"}}, {"billing-*", {"refund?"}}, {"*", {"help"}}}};
  auto one = entry({"*"}, role);
  Server crm = server("1", "crm"), billing = server("2", "billing-eu"), other = server("3", "wiki");
  EXPECT_TRUE(may_use_tool(one, crm, "get_account"));
  EXPECT_TRUE(may_use_tool(one, crm, "list_accounts"));
  EXPECT_FALSE(may_use_tool(one, crm, "delete_account"));
  EXPECT_FALSE(may_use_tool(one, crm, "list_accounts "));
  EXPECT_FALSE(may_use_tool(one, crm, "refund1"));
  EXPECT_TRUE(may_use_tool(one, billing, "refund1"));
  EXPECT_FALSE(may_use_tool(one, billing, "refund12"));
  EXPECT_TRUE(may_use_tool(one, other, "help"));
  EXPECT_FALSE(may_use_tool(one, other, "get_account"));
  EXPECT_TRUE(may_use_server(one, other));
  Role narrow{"narrow", "", {{"crm", {"get_*"}}}};
  EXPECT_FALSE(may_use_server(entry({"*"}, narrow), other));
  EXPECT_FALSE(may_use_server(entry({"9"}, narrow), crm)) << "a role never widens the grant";
}

TEST(Access, AllowsNothingWhenTheRoleIsGone) {
  GrantEntry one = entry({"*"});
  one.grant.role = "deleted";
  EXPECT_FALSE(may_use_server(one, server("1", "crm")));
  EXPECT_FALSE(may_use_tool(one, server("1", "crm"), "get_x"));
  Directory directory({one}, std::string(32, 'k'));
  EXPECT_FALSE(may_use_server(*directory.find(one.grant.id), server("1", "crm")));
}

TEST(Access, AnswersTheSameAsReadingTheRoleLineByLine) {
  std::mt19937 random(7);
  auto word = [&](std::string_view letters) {
    std::string text;
    for (int i = 0; i < 3; ++i) text += letters[random() % letters.size()];
    return text;
  };
  for (int round = 0; round < 200; ++round) {
    Role role{"r", "", {}};
    for (int p = 0; p < 6; ++p) role.permissions.push_back({word("ab*?"), {word("xy*?"), word("xy")}});
    Permissions compiled(role);
    for (int probe = 0; probe < 50; ++probe) {
      std::string slug = word("ab"), tool = word("xy");
      bool expected = false;
      for (const Permission& permission : role.permissions)
        for (const std::string& pattern : permission.tools) expected |= glob_match(permission.server, slug) && glob_match(pattern, tool);
      ASSERT_EQ(compiled.cover(slug, tool), expected) << slug << " " << tool << " round " << round;
    }
  }
}

}  // namespace
}  // namespace callgate::identity
