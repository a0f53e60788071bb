#include "policy/document.h"

#include <gtest/gtest.h>

#include "policy/testing/call.h"

namespace callgate::policy {
namespace {

std::string first_problem(std::string_view text) {
  Problems problems;
  parse_document(text, problems);
  auto found = problems.take();
  return found.empty() ? "" : found[0].message;
}

TEST(PolicyDocument, KeepsPositionsAndKinds) {
  Problems problems;
  std::string_view text = "a: 1\nb:\n  - \"1\"\n  - true\n  - ~\n  - 2026-07-28\n";
  auto root = parse_document(text, problems);
  ASSERT_TRUE(root);
  EXPECT_EQ(root->keys[1].line, 2u);
  const Node& list = *root->find("b");
  ASSERT_EQ(list.items.size(), 4u);
  EXPECT_TRUE(root->find("a")->is(Node::Kind::Number));
  EXPECT_TRUE(list.items[0].is(Node::Kind::String));
  EXPECT_TRUE(list.items[1].is(Node::Kind::Bool));
  EXPECT_TRUE(list.items[2].is(Node::Kind::Null));
  EXPECT_TRUE(list.items[3].is(Node::Kind::String));
  EXPECT_FALSE(list.items[3].unclear);
  EXPECT_EQ(list.items[1].line, 4u);
  EXPECT_EQ(list.items[1].column, 5u);
  EXPECT_EQ(text.substr(list.items[1].offset, 4), "true");
}

TEST(PolicyDocument, MarksScalarsThatReadersDisagreeOn) {
  for (std::string_view word :
       {"yes", "No", "on", "True", "FALSE", "NULL", "010", "0x1f", "0o7", "1_000", ".5", "5.", "+1", ".inf", "-.INF", ".nan", "1:30"}) {
    Problems problems;
    auto root = parse_document("a: " + std::string(word) + "\n", problems);
    ASSERT_TRUE(root) << word;
    EXPECT_TRUE(root->items[0].unclear || root->items[0].is(Node::Kind::Null)) << word;
  }
  for (std::string_view word : {"usd", "yesterday", "2026-07-28", "10.0.0.0/8", "10.0.0.1", "v1", "1st", "-", "a.b", "0xyz"}) {
    Problems problems;
    auto root = parse_document("a: " + std::string(word) + "\n", problems);
    if (word == "-") continue;
    ASSERT_TRUE(root) << word;
    EXPECT_FALSE(root->items[0].unclear) << word;
  }
}

TEST(PolicyDocument, ReadsJsonAsJson) {
  Problems problems;
  auto root = parse_document("{\"a\":\"\\u0041\\/\\ud83d\\ude00\\n\",\"b\":[1.50,-2e3,null,true],\n\t\"c\":{}}", problems);
  ASSERT_TRUE(root) << format_problems(problems.take(), "p");
  EXPECT_EQ(root->find("a")->text, "A/\xf0\x9f\x98\x80\n");
  std::string out;
  EXPECT_TRUE(append_json(*root, out));
  EXPECT_EQ(out, "{\"a\":\"A/\xf0\x9f\x98\x80\\n\",\"b\":[1.50,-2e3,null,true],\"c\":{}}");
}

// T-29
TEST(PolicyDocument, RefusesWhatMakesYamlDangerous) {
  EXPECT_NE(first_problem("a: &x 1\nb: *x\n").find("anchors"), std::string::npos);
  EXPECT_NE(first_problem("a: &x [1]\nb: [*x,*x]\n").find("anchors"), std::string::npos);
  EXPECT_NE(first_problem("a: *x\n").find(""), std::string::npos);
  EXPECT_NE(first_problem("<<: {a: 1}\n").find("merge keys"), std::string::npos);
  EXPECT_NE(first_problem("a: !!binary aGk=\n").find("tags"), std::string::npos);
  EXPECT_NE(first_problem("a: !!str 1\n").find("tags"), std::string::npos);
  EXPECT_NE(first_problem("a: 1\n---\nb: 2\n").find("more than one document"), std::string::npos);
  EXPECT_NE(first_problem("? [a]\n: 1\n").find("a key must be a plain name"), std::string::npos);
  EXPECT_NE(first_problem(std::string(40, '[') + std::string(40, ']')).find("deeper than 32"), std::string::npos);
  EXPECT_NE(first_problem(std::string(1024 * 1024 + 1, ' ')).find("larger than 1 MiB"), std::string::npos);
  EXPECT_NE(first_problem("\xef\xbb\xbf"
                          "a: 1")
                .find("byte order mark"),
            std::string::npos);
  EXPECT_NE(first_problem("a: \xff\n").find("UTF-8"), std::string::npos);
  EXPECT_NE(first_problem(std::string("a: \0b\n", 6)).find("control character"), std::string::npos);
  EXPECT_NE(first_problem("a: x\xe2\x80\xaey\n").find("direction mark"), std::string::npos);
  EXPECT_NE(first_problem("").find("empty"), std::string::npos);
  EXPECT_NE(first_problem("# nothing\n").find("empty"), std::string::npos);
  EXPECT_NE(first_problem("a: [1\n").find("not readable"), std::string::npos);
  EXPECT_NE(first_problem("a: 1\na: 2\n").find("given twice"), std::string::npos);
  EXPECT_NE(first_problem("{\"a\": 1, \"\\u0061\": 2}").find("given twice"), std::string::npos);
  EXPECT_NE(first_problem("{\"a\\u0007\": 1}").find("control character"), std::string::npos);
}

TEST(PolicyDocument, StaysQuickOnHostileShapes) {
  for (std::string piece : {"[", "{", "- ", "? ", "a: ", "\"", "'", "#", "[a,", "{a: ", "&a ", "*", "!", "%", "|\n", ">\n ", ": ", "\n"}) {
    std::string text;
    while (text.size() < 200'000) text += piece;
    Problems problems;
    parse_document(text, problems);
  }
}

TEST(PolicyProblems, SuggestsTheNearestName) {
  std::string_view names[] = {"require", "deny_if", "limits"};
  EXPECT_EQ(nearest("requires", names), "require");
  EXPECT_EQ(nearest("denyif", names), "deny_if");
  EXPECT_EQ(nearest("limtis", names), "limits");
  EXPECT_EQ(nearest("approve", names), "");
  EXPECT_EQ(child_pointer("/a", "b/c~d"), "/a/b~1c~0d");
}

}  // namespace
}  // namespace callgate::policy
