#include "gateway/spotlight.h"

#include "gateway/testing/shared.h"

namespace callgate::gateway {
namespace {

using testing::has;

std::string marked(std::string_view result) {
  json::Document document;
  EXPECT_TRUE(document.parse(result));
  std::string out = spotlighted(document.root(), "M");
  json::Document again;
  EXPECT_TRUE(out.empty() || again.parse(out)) << out;
  return out;
}

TEST(Spotlight, MarksTextsAndNothingElse) {
  std::string out = marked(
      R"({"content":[{"type":"text","text":"a \"b\""},{"type":"image","data":"eA=="},{"type":"resource","resource":{"uri":"x","text":"c"}}],"structuredContent":{"text":"s"}})");
  EXPECT_TRUE(has(out, R"(\na \"b\"\n[end of data M]"})")) << out;
  EXPECT_TRUE(has(out, R"({"type":"image","data":"eA=="})")) << out;
  EXPECT_TRUE(has(out, R"(\nc\n[end of data M]")")) << out;
  EXPECT_TRUE(has(out, R"("structuredContent":{"text":"s"})")) << out;
  EXPECT_TRUE(has(marked(R"({"contents":[{"uri":"x","text":"c"}]})"), "[data M]"));
  EXPECT_TRUE(has(marked(R"({"messages":[{"role":"user","content":{"type":"text","text":"c"}}]})"), "[data M]"));
  EXPECT_EQ(marked(R"({"content":[],"structuredContent":{"text":"s"}})"), "");
}

TEST(Spotlight, IsForCallsWithTheLabelAndNewEachTime) {  // T05
  testing::Gate::Setup setup;
  setup.policy = "version: \"1\"\ndefault: allow\nspotlight: [untrusted]\ntools: {list_charges: {labels: [untrusted]}}\n";
  testing::Gate gate(setup);
  std::string one = gate.call("list_charges", "{}").body, two = gate.call("list_charges", "{}").body;
  EXPECT_TRUE(has(one, "[data ") && has(one, R"(\ndone\n[end of data )")) << one;
  EXPECT_NE(one, two);
  EXPECT_FALSE(has(gate.call("get_charge", "{}").body, "[data "));
}

}  // namespace
}  // namespace callgate::gateway
