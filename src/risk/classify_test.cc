#include <gtest/gtest.h>

#include "risk/risk.h"

namespace callgate::risk {
namespace {

Classification of(std::string_view definition) {
  json::Document document;
  EXPECT_TRUE(document.parse(definition)) << definition;
  return classify(document.root());
}

Class named(const std::string& name, const std::string& description = "") {
  return of(R"({"name":")" + name + R"(","description":")" + description + R"("})").risk;
}

TEST(Classify, ReadsTheActionInANameInEveryUsualSpelling) {
  for (const char* name : {"get_user", "listUsers", "users.list", "search-documents", "DescribeTable", "mail_message_get", "GetHTTPStatus"})
    EXPECT_EQ(named(name), Class::Read) << name;
  for (const char* name : {"create_user", "updateUser", "page.edit", "cookie_set", "SendMail"})
    EXPECT_EQ(named(name), Class::Write) << name;
  for (const char* name : {"delete_user", "dropTable", "workspace_purge", "list_delete"})
    EXPECT_EQ(named(name), Class::Destructive) << name;
  for (const char* name : {"run_command", "executeScript", "deploy"}) EXPECT_EQ(named(name), Class::Execute) << name;
  for (const char* name : {"refund_payment", "pay_invoice", "buyShares"}) EXPECT_EQ(named(name), Class::Financial) << name;
}

TEST(Classify, AVerbAfterAnAndCounts) {
  EXPECT_EQ(named("get_or_create_project"), Class::Write);
  EXPECT_EQ(named("fetch_and_delete"), Class::Destructive);
}

TEST(Classify, AThingThatIsCalledLikeAnActionIsNoAction) {
  EXPECT_EQ(named("list_deploys"), Class::Read);
  EXPECT_EQ(named("get_failed_builds"), Class::Read);
  EXPECT_EQ(named("network_request", "Returns one recorded request."), Class::Read);
}

TEST(Classify, WhatAWordIsSaidOfCounts) {
  for (const char* name : {"mark_as_read", "check_in_guest", "report_bug", "watch_repository", "capture_payment", "show_notification",
                           "returnItem", "receive_messages"})
    EXPECT_NE(named(name), Class::Read) << name;
  for (const char* name :
       {"check_status", "report_usage", "watch_logs", "capture_screenshot", "extract_text", "geocode_address", "rank_results", "lint"})
    EXPECT_EQ(named(name), Class::Read) << name;
}

TEST(Classify, WhatTheTextSaysCanOnlyRaiseWhatTheNameSays) {
  EXPECT_EQ(named("get_report", "Creates a report and stores it."), Class::Write);
  EXPECT_EQ(named("delete_report", "Returns a report."), Class::Destructive);
  EXPECT_EQ(named("get_report", "Gets a report. Older versions will be deleted."), Class::Destructive);
}

TEST(Classify, NothingSaidIsTheHighestClass) {
  Classification unknown = of(R"({"name":"frobnicate"})");
  EXPECT_FALSE(unknown.known);
  EXPECT_EQ(unknown.risk, Class::Destructive);
  EXPECT_EQ(unknown.severity, Severity::Critical);
  ASSERT_FALSE(unknown.evidence.empty());
  EXPECT_FALSE(of("{}").known);
}

TEST(Classify, HintsRaiseAndNeverLower) {
  EXPECT_EQ(of(R"({"name":"delete_all","annotations":{"readOnlyHint":true}})").risk, Class::Destructive);
  EXPECT_EQ(of(R"({"name":"frobnicate","annotations":{"readOnlyHint":true}})").risk, Class::Destructive);
  EXPECT_EQ(of(R"({"name":"get_x","annotations":{"readOnlyHint":false}})").risk, Class::Write);
  EXPECT_EQ(of(R"({"name":"get_x","annotations":{"readOnlyHint":false,"destructiveHint":true}})").risk, Class::Destructive);
}

TEST(Classify, AParameterThatHoldsAProgramIsExecution) {
  EXPECT_EQ(of(R"({"name":"get_rows","inputSchema":{"properties":{"sql":{"type":"string"}}}})").risk, Class::Execute);
  EXPECT_EQ(
      of(R"({"name":"query","description":"Query the database in SQL.","inputSchema":{"properties":{"query":{"type":"string"}}}})").risk,
      Class::Execute);
  EXPECT_EQ(of(R"({"name":"search","inputSchema":{"properties":{"query":{"type":"string"}}}})").risk, Class::Read);
}

TEST(Classify, ChoicesOfAnActionParameterCount) {
  auto manage = of(R"({"name":"get_tabs","inputSchema":{"properties":{"action":{"enum":["list","close","delete_all"]}}}})");
  EXPECT_EQ(manage.risk, Class::Destructive);
  EXPECT_EQ(manage.evidence.front().where, "/inputSchema/properties/action");
}

TEST(Classify, EvidenceNamesTheWord) {
  auto found = of(R"({"name":"remove_member","description":"Removes a member."})");
  ASSERT_FALSE(found.evidence.empty());
  EXPECT_EQ(found.evidence.front().where, "/name");
  EXPECT_EQ(found.evidence.front().what, "remove");
  EXPECT_EQ(found.evidence.front().says, Class::Destructive);
}

TEST(Classify, NamesOfClassesReadBack) {
  for (Class risk : {Class::Read, Class::Write, Class::Execute, Class::Destructive, Class::Financial})
    EXPECT_EQ(parse_class(class_name(risk)), risk);
  EXPECT_FALSE(parse_class("Read"));
}

}  // namespace
}  // namespace callgate::risk
