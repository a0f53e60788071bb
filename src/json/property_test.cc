// Properties over generated documents and their mutations. The seed is in every failure message.

#include <gtest/gtest.h>

#include "json/document.h"
#include "json/stream_check.h"
#include "json/testing/count_allocations.h"
#include "json/testing/generator.h"
#include "json/writer.h"

namespace callgate::json {
namespace {

constexpr std::uint64_t kSeed = 20260728;

// The document again, written by our own writer from what the tape says.
void rewrite(Value value, Writer& out) {
  switch (value.kind()) {
    case Kind::Null: out.null(); return;
    case Kind::True: out.boolean(true); return;
    case Kind::False: out.boolean(false); return;
    case Kind::Number: out.raw(value.number()); return;
    case Kind::String: out.string(value.string()); return;
    case Kind::Array:
      out.begin_array();
      value.for_each_element([&](Value element) { rewrite(element, out); });
      out.end_array();
      return;
    case Kind::Object:
      out.begin_object();
      value.for_each_member([&](std::string_view key, Value member) {
        EXPECT_EQ(value[key].raw().data(), member.raw().data());
        out.key(key);
        rewrite(member, out);
      });
      out.end_object();
  }
}

bool stream_accepts(std::string_view text, std::size_t split) {
  StreamCheck check;
  return check.add(text.substr(0, split)) && check.add(text.substr(split)) && check.finish();
}

void holds(const std::string& text) {
  Document document;
  auto done = document.parse(text);
  bool folded = !done && (done.error().reason == "json.duplicate_key" || done.error().reason == "json.folded_key");
  if (done) {
    std::string canonical(document.canonical());
    ASSERT_LE(canonical.size(), text.size()) << text;
    std::string rewritten;
    Writer writer(rewritten);
    rewrite(document.root(), writer);
    ASSERT_EQ(rewritten, canonical) << text;
    Document again;
    ASSERT_TRUE(again.parse(canonical)) << text;
    ASSERT_EQ(again.canonical(), canonical) << text;
  }
  bool streamed = stream_accepts(text, text.size());
  ASSERT_TRUE(folded || streamed == done.has_value()) << text;
  for (std::size_t split = 0; split < text.size() && text.size() < 400; ++split)
    ASSERT_EQ(stream_accepts(text, split), streamed) << text << " at " << split;
}

// T-15
TEST(Properties, GeneratedDocumentsAreTheirOwnCanonicalForm) {
  testing::Generator generator(kSeed);
  for (int i = 0; i < 1500 && !HasFatalFailure(); ++i) {
    std::string text = generator.document();
    Document document;
    auto done = document.parse(text);
    ASSERT_TRUE(done) << "seed " << kSeed << " round " << i << ": " << done.error().message << "\n" << text;
    holds(text);
  }
}

// T-15
TEST(Properties, MutatedDocumentsAreRefusedOrCanonical) {
  testing::Generator generator(kSeed + 1);
  for (int i = 0; i < 6000 && !HasFatalFailure(); ++i) {
    SCOPED_TRACE("seed " + std::to_string(kSeed + 1) + " round " + std::to_string(i));
    holds(generator.mutated(generator.document()));
  }
}

TEST(Properties, NothingIsAllocatedOnceWarm) {
  testing::Generator generator(kSeed + 2);
  std::vector<std::string> texts;
  for (int i = 0; i < 300; ++i) texts.push_back(generator.document());
  Document document;
  for (const auto& text : texts) ASSERT_TRUE(document.parse(text));
  std::size_t bytes = document.memory_bytes(), before = testing::allocations();
  bool fine = true;
  for (const auto& text : texts) fine = fine && document.parse(text);
  std::size_t after = testing::allocations();
  EXPECT_TRUE(fine);
  EXPECT_EQ(after, before);
  EXPECT_EQ(document.memory_bytes(), bytes);
}

TEST(Properties, CheckingAStreamAllocatesNothing) {
  testing::Generator generator(kSeed + 3);
  std::string text = generator.document();
  ASSERT_TRUE(stream_accepts(text, 0));
  std::size_t before = testing::allocations();
  bool fine = stream_accepts(text, text.size() / 2);
  EXPECT_EQ(testing::allocations(), before);
  EXPECT_TRUE(fine);
}

}  // namespace
}  // namespace callgate::json
