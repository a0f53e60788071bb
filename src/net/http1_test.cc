#include "net/http1.h"

#include <gtest/gtest.h>

#include "net/testing/smuggling_cases.h"

namespace callgate::net {
namespace {

using testing::Case;
using testing::smuggling_cases;

constexpr HeadCaps kCaps;

std::string outcome_of_request(std::string_view bytes, const HeadCaps& caps = kCaps) {
  Head head;
  const Result<Progress> progress = read_request_head(bytes, caps, head);
  if (!progress) return std::string(progress.error().reason);
  if (*progress == Progress::NeedMore) return "more";
  if (!head.chunked && !head.content_length) return "ok";
  BodyReader body;
  body.start(head.chunked ? BodyReader::Mode::Chunked : BodyReader::Mode::Length, head.content_length.value_or(0));
  std::string_view rest = bytes.substr(head.bytes);
  std::string text;
  while (!body.done()) {
    const Result<std::string_view> piece = body.next(rest);
    if (!piece) return "body " + std::string(piece.error().reason);
    if (piece->empty() && !body.done()) return "body more";
    text += *piece;
  }
  return "ok " + text + (rest.empty() ? "" : "|" + std::string(rest));
}

// T-12, T-66
TEST(Http1, RefusesEverySmugglingCaseWithItsReason) {
  for (const Case& c : smuggling_cases()) EXPECT_EQ(outcome_of_request(c.bytes), c.outcome) << c.name;
}

TEST(Http1, DecidesTheSameHoweverTheBytesAreSplit) {
  for (const Case& c : smuggling_cases()) {
    const std::string whole = outcome_of_request(c.bytes);
    Head head;
    for (std::size_t size = 0; size < c.bytes.size(); ++size) {
      const Result<Progress> progress = read_request_head(std::string_view(c.bytes).substr(0, size), kCaps, head);
      if (!progress) {
        EXPECT_EQ(progress.error().reason, whole) << c.name << " at " << size;
      } else if (*progress == Progress::Done) {
        EXPECT_TRUE(whole.starts_with("ok") || whole.starts_with("body")) << c.name << " at " << size;
      }
    }
  }
}

TEST(Http1, ReadsARequestHead) {
  const std::string bytes =
      "POST /mcp/x?a=1 HTTP/1.1\r\nHost: localhost:8808\r\nauthorization:  Bearer t \r\nX-Two: 1\r\nx-two: 2\r\n"
      "Expect: 100-Continue\r\nConnection: foo , Close\r\nContent-Length: 12\r\n\r\nrest";
  Head head;
  ASSERT_EQ(read_request_head(bytes, kCaps, head).value(), Progress::Done);
  EXPECT_EQ(head.method, "POST");
  EXPECT_EQ(head.target, "/mcp/x?a=1");
  EXPECT_EQ(head.header("Authorization"), "Bearer t");
  EXPECT_EQ(head.header("x-TWO"), "1");
  EXPECT_EQ(head.count("X-Two"), 2u);
  EXPECT_EQ(head.header("absent"), "");
  EXPECT_TRUE(head.expect_continue);
  EXPECT_FALSE(head.keep_alive);
  EXPECT_EQ(head.content_length, 12u);
  EXPECT_EQ(bytes.substr(head.bytes), "rest");
}

TEST(Http1, LooksUpNamesOfEveryLengthWhateverTheirCase) {
  for (std::size_t size = 1; size <= 40; ++size) {
    std::string name(size, 'x');
    for (std::size_t i = 0; i < size; ++i) name[i] = static_cast<char>((i % 2 == 0 ? 'a' : 'A') + i % 26);
    std::string other = name;
    other.back() = other.back() == '-' ? '+' : '-';
    Head head;  // once with bytes behind it, and last of all
    const std::string bytes =
        "GET / HTTP/1.1\r\nHost: a\r\n" + other + ": 0\r\n" + name + ": 1\r\n" + name + "y: 2\r\n" + name + ":3\r\n\r\n";
    ASSERT_EQ(read_request_head(bytes, kCaps, head).value(), Progress::Done) << bytes;
    std::string upper = name;
    for (char& c : upper) c = static_cast<char>(std::toupper(c));
    EXPECT_EQ(head.header(upper), "1") << size;
    EXPECT_EQ(head.count(upper), 2U) << size;
    EXPECT_EQ(head.header(upper + "Y"), "2") << size;
    EXPECT_EQ(head.headers().back().key, NameKey::of(name)) << size;
    EXPECT_TRUE(Header(name, {}).is(upper));
  }
  EXPECT_FALSE(Header("a^", {}).is("a~")) << "only letters have two cases";
  EXPECT_FALSE(Header("a@\xc1", {}).is("a`\xe1"));
}

// A head remembers the names it holds in 64 bits: names that share one must not be taken for one another, nor a second one be missed.
TEST(Http1, FindsEachOfManyNamesAndNoOther) {
  const auto name_of = [](int i) { return "x-" + std::to_string(i * 7919); };
  for (int first = 0; first < 300; first += 60) {
    std::string bytes = "GET / HTTP/1.1\r\nHost: a\r\n";
    for (int i = first; i < first + 60; ++i) bytes += name_of(i) + ": " + std::to_string(i) + "\r\n";
    const int twice = first + 13;
    bytes += name_of(twice) + ": again\r\n\r\n";
    Head head;
    ASSERT_EQ(read_request_head(bytes, kCaps, head).value(), Progress::Done);
    for (int i = 0; i < 300; ++i) {
      const bool there = i >= first && i < first + 60;
      EXPECT_EQ(head.header(name_of(i)), there ? std::to_string(i) : "") << i;
      const auto [value, count] = head.find(name_of(i));
      EXPECT_EQ(value, head.header(name_of(i)));
      EXPECT_EQ(count, !there ? 0U : i == twice ? 2U : 1U) << i;
    }
  }
}

TEST(Http1, KeepsConnectionsAliveByVersion) {
  Head head;
  ASSERT_TRUE(read_request_head("GET / HTTP/1.1\r\nHost: a\r\n\r\n", kCaps, head));
  EXPECT_TRUE(head.keep_alive);
  ASSERT_TRUE(read_request_head("GET / HTTP/1.0\r\nHost: a\r\n\r\n", kCaps, head));
  EXPECT_FALSE(head.keep_alive);
  ASSERT_TRUE(read_request_head("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n", kCaps, head));
  EXPECT_TRUE(head.keep_alive);
}

TEST(Http1, CapsTheHead) {
  const HeadCaps caps{.bytes_max = 100, .headers_max = 3};
  EXPECT_EQ(outcome_of_request("GET /" + std::string(200, 'a'), caps), "http.head_too_large");
  EXPECT_EQ(outcome_of_request("GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 2\r\n\r\n", caps), "ok");
  EXPECT_EQ(outcome_of_request("GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n", caps), "http.head_too_large");
  const HeadCaps wide{.bytes_max = 1 << 20, .headers_max = 1000};  // never beyond the array
  std::string many = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (int i = 0; i < 64; ++i) many += "A: 1\r\n";
  EXPECT_EQ(outcome_of_request(many + "\r\n", wide), "http.head_too_large");
}

std::string outcome_of_response(std::string_view bytes, bool to_head = false) {
  Head head;
  const Result<Progress> progress = read_response_head(bytes, kCaps, to_head, head);
  if (!progress) return std::string(progress.error().reason);
  if (*progress == Progress::NeedMore) return "more";
  std::string text = std::to_string(head.status);
  if (head.chunked) text += " chunked";
  if (head.content_length) text += " " + std::to_string(*head.content_length);
  if (head.keep_alive) text += " keep";
  return text;
}

TEST(Http1, ReadsResponseHeadsStrictly) {
  const std::vector<Case> cases = {
      {"length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "200 5 keep"},
      {"status with a letter", "HTTP/1.1 2A0 OK\r\nContent-Length: 5\r\n\r\n", "http.syntax"},
      {"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "200 chunked keep"},
      {"until close", "HTTP/1.1 200 OK\r\n\r\n", "200"},
      {"no reason", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "200 0 keep"},
      {"empty reason", "HTTP/1.1 404 \r\nContent-Length: 0\r\n\r\n", "404 0 keep"},
      {"HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", "200 0"},
      {"204", "HTTP/1.1 204 No Content\r\n\r\n", "204 0 keep"},
      {"204 with a body", "HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\n", "http.framing"},
      {"100", "HTTP/1.1 100 Continue\r\n\r\n", "100 0 keep"},
      {"101", "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n", "http.framing"},
      {"304", "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", "304 0 keep"},
      {"both", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "http.framing"},
      {"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", "http.framing"},
      {"gzip", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "http.transfer_coding"},
      {"1.0 chunked", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "http.framing"},
      {"bare LF", "HTTP/1.1 200 OK\nContent-Length: 5\n\n", "http.syntax"},
      {"fold", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n", "http.header"},
      {"not http", "SSH-2.0-x\r\n", "http.syntax"},
      {"two digits", "HTTP/1.1 20 OK\r\n\r\n", "http.syntax"},
      {"four digits", "HTTP/1.1 2000 OK\r\n\r\n", "http.syntax"},
      {"status 600", "HTTP/1.1 600 X\r\n\r\n", "http.syntax"},
      {"HTTP/2", "HTTP/2 200 OK\r\n\r\n", "http.version"},
      {"close", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n", "200 5"},
      {"half", "HTTP/1.1 200 OK\r\nContent-Le", "more"},
  };
  for (const Case& c : cases) EXPECT_EQ(outcome_of_response(c.bytes), c.outcome) << c.name;
  EXPECT_EQ(outcome_of_response("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", true), "200 0 keep");
}

TEST(Http1, ReadsBodiesInAnyPieces) {
  const std::string wire = "5;x=1\r\nhello\r\n1\r\n \r\nb\r\nhello world\r\n0\r\nT: 1\r\n\r\nNEXT";
  for (std::size_t step = 1; step <= wire.size(); ++step) {
    BodyReader body;
    body.start(BodyReader::Mode::Chunked);
    std::string text, pending;
    std::size_t at = 0;
    while (!body.done()) {
      pending += wire.substr(at, step);
      at += step;
      std::string_view view = pending;
      while (true) {
        const Result<std::string_view> piece = body.next(view);
        ASSERT_TRUE(piece);
        if (piece->empty()) break;
        text += *piece;
      }
      pending = std::string(view);
    }
    EXPECT_EQ(text, "hello hello world") << step;
    EXPECT_EQ(pending + (at < wire.size() ? wire.substr(at) : ""), "NEXT") << step;
  }
}

TEST(Http1, KnowsWhetherAClosedConnectionCutTheBody) {
  BodyReader body;
  body.start(BodyReader::Mode::UntilClose);
  std::string_view bytes = "abc";
  EXPECT_EQ(body.next(bytes).value(), "abc");
  EXPECT_FALSE(body.done());
  EXPECT_TRUE(body.on_close());
  EXPECT_TRUE(body.done());
  body.start(BodyReader::Mode::Length, 4);
  bytes = "abc";
  EXPECT_EQ(body.next(bytes).value(), "abc");
  EXPECT_EQ(body.on_close().error().reason, "http.truncated");
  body.start(BodyReader::Mode::Chunked);
  bytes = "3\r\nabc\r\n0\r\n";
  while (!bytes.empty()) ASSERT_TRUE(body.next(bytes));
  EXPECT_EQ(body.on_close().error().reason, "http.truncated");
}

TEST(Http1, WritesChunks) {
  std::string out;
  append_chunk(out, "");
  EXPECT_EQ(out, "");
  append_chunk(out, std::string(31, 'x'));
  EXPECT_EQ(out, "1f\r\n" + std::string(31, 'x') + "\r\n");
}

}  // namespace
}  // namespace callgate::net
