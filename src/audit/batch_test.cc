#include <gtest/gtest.h>

#include "audit/audit.h"
#include "audit/escape.h"
#include "audit/testing/temp_directory.h"
#include "base/blake2b_each.h"
#include "base/content_hash.h"
#include "base/encoding.h"

#pragma GCC diagnostic ignored "-Wmissing-field-initializers"  // records name only what they are about

using namespace callgate;
using namespace callgate::audit;
using callgate::audit::testing::TempDirectory;

namespace {

std::string payload_of(const Record& record) {
  TempDirectory directory;
  ManualClock clock;
  auto journal = Journal::open({.directory = directory.path(), .free_bytes_min = 0}, clock);
  Batch batch;
  batch.add(record);
  EXPECT_TRUE((*journal)->commit(batch).has_value());
  std::string payload;
  EXPECT_TRUE(read_journal(directory.path(), 1, [&](const Entry& entry) {
                payload = entry.payload;
                return true;
              }).has_value());
  return payload;
}

std::string quoted(std::string_view text, std::size_t bytes_max = kFieldBytesMax) {
  std::string out;
  append_text(out, text, bytes_max);
  return out;
}

TEST(Batch, WritesOnlyFieldsThatApply) {
  EXPECT_EQ(payload_of({.kind = Record::Kind::System, .time = *parse_time("2026-07-28T09:00:00.123456Z"), .reason = "ok"}),
            R"({"time":"2026-07-28T09:00:00.123456Z","kind":"system","effect":"allow","reason":"ok"})");
}

TEST(Batch, WritesEveryFieldUnderItsDocumentedKey) {
  ShadowFinding findings[] = {{"/tools/x/deny_if/0", "would deny"}};
  Digest digest{};
  digest[0] = 0xab;
  Record record{.kind = Record::Kind::Call,
                .time = *parse_time("2026-07-28T09:00:00Z"),
                .decision_id = "dec_1",
                .principal_id = "usr_1",
                .principal_name = "ann",
                .principal_kind = "user",
                .grant_id = "grt_1",
                .grant_label = "laptop",
                .client = "cli 1",
                .remote_address = "10.0.0.1",
                .session_id = "s1",
                .server_id = "u-1",
                .server_slug = "stripe",
                .era = "2025-11-25",
                .method = "tools/call",
                .tool = "refund",
                .request_id = "\"7\"",
                .effect = Effect::Deny,
                .reason = "policy.deny_if",
                .message = "blocked",
                .rule = "/tools/refund/deny_if/0",
                .rule_line = 12,
                .policy = "support",
                .policy_version = 3,
                .shadow = findings,
                .stated_reason = "why",
                .arguments_json = R"({"amount":5})",
                .upstream_status = 200,
                .outcome = "result",
                .result_digest = digest,
                .result_bytes = 10,
                .decide_us = 1,
                .upstream_us = 2,
                .total_us = 3,
                .traceparent = "00-1",
                .detail_json = R"({"a":1})"};
  std::string zeros(62, '0');
  std::string named = std::string(content_digest_name()) + ":ab";
  EXPECT_EQ(payload_of(record),
            R"({"time":"2026-07-28T09:00:00.000000Z","kind":"call","effect":"deny","reason":"policy.deny_if","principal_id":"usr_1",)"
            R"("principal":"ann","principal_kind":"user","grant":"grt_1","grant_label":"laptop","client":"cli 1","remote":"10.0.0.1",)"
            R"("session":"s1","server_id":"u-1","server":"stripe","era":"2025-11-25","policy":"support","policy_version":3,)"
            R"("method":"tools/call","tool":"refund","outcome":"result","status":200,"decision":"dec_1","request_id":"\"7\"",)"
            R"("message":"blocked","rule":"/tools/refund/deny_if/0","rule_line":12,)"
            R"("shadow":[{"rule":"/tools/x/deny_if/0","message":"would deny"}],"stated_reason":"why","arguments":{"amount":5},)"
            R"("result_digest":")" +
                named + zeros +
                R"(","result_bytes":10,"decide_us":1,"upstream_us":2,"total_us":3,"traceparent":"00-1",)"
                R"("detail":{"a":1}})");
}

std::string digest_of(const std::string& payload) {
  constexpr std::string_view key = "\"result_digest\":\"";
  const std::size_t at = payload.find(key) + key.size();
  return payload.substr(at, payload.find('"', at) - at);
}

// Several at a time are hashed together at commit where that is faster; the record names the function.
TEST(Batch, HoldsTheDigestOfEveryResultHoweverManyComeAtATime) {
  TempDirectory directory;
  ManualClock clock;
  auto journal = Journal::open({.directory = directory.path(), .free_bytes_min = 0}, clock);
  Batch batch;
  std::vector<std::string> results;
  for (std::size_t i = 0; i < 40; ++i) results.push_back(std::string(i * 37 + 1, static_cast<char>('a' + i % 26)));
  results[20] = std::string(100'000, 'y');           // too large to be one of many
  for (std::size_t many : {1U, 20U, 2U, 1U, 16U}) {  // after few, the first four are hashed alone
    const std::size_t first = results.size() - 40;
    for (std::size_t i = first; i < first + many; ++i) {
      batch.add({.kind = Record::Kind::Call, .time = clock.now(), .outcome = "result", .result = results[i]});
      results.push_back(results[i]);
    }
    ASSERT_TRUE((*journal)->commit(batch).has_value());
  }
  std::size_t at = 0, together = 0;
  ASSERT_TRUE(read_journal(directory.path(), 1, [&](const Entry& entry) {
                const std::string found = digest_of(std::string(entry.payload)), &text = results[at++];
                const std::string own = std::string(content_digest_name()) + ":" + hex_encode(content_digest(text));
                const std::string shared = "blake2b:" + hex_encode(blake2b(text));
                EXPECT_TRUE(found == own || found == shared) << at << ": " << found;
                together += found != own;
                return true;
              }).has_value());
  EXPECT_EQ(at, 40U);
  if (content_digest_name() != "blake2b") {
    EXPECT_EQ(together, blake2b_lanes() >= 8 ? 16U + 1U + 12U : 0U);
  }
}

// A commit that fails keeps its records; the results they are of are gone by the next one.
TEST(Batch, LooksAtResultsOnlyUntilTheFirstCommitWhateverBecomesOfIt) {
  TempDirectory directory;
  ManualClock clock;
  auto journal = Journal::open({.directory = directory.path(), .free_bytes_min = 0}, clock);
  Batch batch;
  auto results = std::make_unique<std::vector<std::string>>(12, std::string(700, 'r'));
  for (const std::string& result : *results) batch.add({.kind = Record::Kind::Call, .time = clock.now(), .result = result});
  (*journal)->fail_write_at(1);
  EXPECT_FALSE((*journal)->commit(batch).has_value());
  results.reset();
  ASSERT_TRUE((*journal)->commit(batch).has_value());
  const std::string text(700, 'r');
  std::size_t read = 0;
  ASSERT_TRUE(read_journal(directory.path(), 1, [&](const Entry& entry) {
                const std::string found = digest_of(std::string(entry.payload));
                EXPECT_TRUE(found.ends_with(":" + hex_encode(content_digest(text))) || found == "blake2b:" + hex_encode(blake2b(text)));
                ++read;
                return true;
              }).has_value());
  EXPECT_EQ(read, 12U);
}

// T-64: nothing in a record can move a cursor, start a new line or reorder text in a terminal.
TEST(Escaping, DefusesControlsAndDeceptiveCharacters) {
  EXPECT_EQ(quoted("a\nb\tc\rd\"e\\"), R"("a\nb\tc\rd\"e\\")");
  EXPECT_EQ(quoted(std::string_view("\x1b[31m\0\x7f", 7)), R"("\u001b[31m\u0000\u007f")");
  EXPECT_EQ(quoted("\xc2\x9b"
                   "31m"),
            R"("\u009b31m")");  // C1 CSI
  EXPECT_EQ(quoted("\xe2\x80\xa8\xe2\x80\xa9"), R"("\u2028\u2029")");
  EXPECT_EQ(quoted("\xe2\x80\xae"
                   "txt\xe2\x81\xa6"),
            R"("\u202etxt\u2066")");                           // bidi override and isolate
  EXPECT_EQ(quoted("\xf3\xa0\x81\xa1"), R"("\udb40\udc61")");  // tag character
  EXPECT_EQ(quoted("gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80"), "\"gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80\"");
}

TEST(Escaping, ReplacesInvalidUtf8) {
  EXPECT_EQ(quoted("a\xff"
                   "b"),
            "\"a\xef\xbf\xbd"
            "b\"");
  EXPECT_EQ(quoted("\xc0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\"");                  // overlong
  EXPECT_EQ(quoted("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");  // surrogate
  EXPECT_EQ(quoted("\xe2\x82"), "\"\xef\xbf\xbd\xef\xbf\xbd\"");                  // cut short
}

TEST(Escaping, CutsLongFieldsOnACharacterBorder) {
  EXPECT_EQ(quoted("aaa\xc3\xbc"
                   "bbb",
                   4),
            "\"aaa [cut, 8 bytes]\"");
  EXPECT_EQ(quoted("aaabbb", 4), "\"aaab [cut, 6 bytes]\"");
}

TEST(Escaping, KeepsJsonOnOneLineAndCutsWhatIsTooLarge) {
  const auto safe = [](std::string_view json) {
    std::string out(json_room(json.size()), '\0');
    out.resize(static_cast<std::size_t>(put_json(out.data(), json) - out.data()));
    return out;
  };
  EXPECT_EQ(safe("{\"a\":\n\t\"\xe2\x80\xae\x7f\"}"), R"({"a":  "\u202e\u007f"})");
  EXPECT_EQ(safe("\"" + std::string(kJsonBytesMax + 5, 'x') + "\""), "{\"cut_bytes\":1048583}");
  EXPECT_EQ(safe("\"" + std::string(kJsonBytesMax - 2, '\x01') + "\""), "\"" + std::string(kJsonBytesMax - 2, ' ') + "\"");
}

// T-72: the largest thinkable record still fits a frame.
TEST(Batch, KeepsTheLargestRecordWithinAFrame) {
  std::string wide(kJsonBytesMax * 2, '\x7f');
  std::string json = "\"" + std::string(kJsonBytesMax - 2, 'x') + "\"";
  std::vector<ShadowFinding> findings(1000, ShadowFinding{wide, wide});
  Record record{.decision_id = wide,
                .principal_id = wide,
                .principal_name = wide,
                .principal_kind = wide,
                .grant_id = wide,
                .grant_label = wide,
                .client = wide,
                .remote_address = wide,
                .session_id = wide,
                .server_id = wide,
                .server_slug = wide,
                .era = wide,
                .method = wide,
                .tool = wide,
                .request_id = wide,
                .reason = wide,
                .message = wide,
                .rule = wide,
                .policy = wide,
                .shadow = findings,
                .stated_reason = wide,
                .arguments_json = json,
                .outcome = wide,
                .traceparent = wide,
                .detail_json = json};
  std::string payload = payload_of(record);
  EXPECT_GT(payload.size(), 2U * kJsonBytesMax);
  EXPECT_LT(payload.size(), 4U * kJsonBytesMax);
}

}  // namespace
