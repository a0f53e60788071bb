#include <gtest/gtest.h>

#include "base/crypto.h"
#include "base/encoding.h"
#include "inspection/inspection.h"
#include "inspection/secret_checks.h"
#include "inspection/secret_tables.h"
#include "inspection/testing/samples.h"
#include "inspection/token_shape.h"

namespace callgate::inspection {
namespace {

using testing::base62;
using testing::checked_token;
using testing::sample;

std::shared_ptr<const Scanner> make(ScannerOptions options = {.packs = {Pack::Secrets}}) {
  auto made = Scanner::create(std::move(options));
  if (!made) ADD_FAILURE() << made.error().message << made.error().detail;
  return *made;
}

const Scanner& scanner() {
  static const auto made = make();
  return *made;
}

Findings scan(std::string_view text) {
  Findings findings;
  scanner().scan(text, findings);
  return findings;
}

Findings scan_json(std::string_view text, const Scanner& with = scanner()) {
  json::Document document;
  auto parsed = document.parse(text);
  EXPECT_TRUE(parsed.has_value()) << text;
  Findings findings;
  with.scan_value(document.root(), findings);
  return findings;
}

std::string names(const Findings& findings) {
  std::string out;
  for (const auto& finding : findings.all())
    out += std::string(finding.rule) + "@" + finding.where + " " + std::to_string(finding.begin) + "-" + std::to_string(finding.end) + " " +
           finding.via + "; ";
  return out;
}

template <class Fn> void each_shape(const TokenRule& rule, Fn&& fn) {
  std::string_view shapes = rule.shapes;
  while (!shapes.empty()) {
    auto space = std::min(shapes.find(' '), shapes.size());
    fn(shapes.substr(0, space));
    shapes.remove_prefix(std::min(shapes.size(), space + 1));
  }
}

TEST(Secrets, KnowsMoreThanTwoHundredKinds) {
  std::size_t kinds = 0;
  for (const Rule* rule : rules()) kinds += rule->pack == Pack::Secrets;
  EXPECT_GE(kinds, 200u);
}

TEST(Secrets, FindsASampleOfEveryTokenShape) {
  for (const auto& table : token_tables())
    for (const auto& rule : table.rules)
      each_shape(rule, [&](std::string_view shape) {
        std::string token = sample(shape);
        auto findings = scan("value = '" + token + "'");
        bool found = false;
        for (const auto& finding : findings.all()) found = found || finding.pack == Pack::Secrets;
        EXPECT_TRUE(found) << rule.id << " " << shape << " " << names(findings);
      });
}

TEST(Secrets, LeavesASampleThatIsPartOfAWordAlone) {
  for (const auto& table : token_tables())
    for (const auto& rule : table.rules)
      each_shape(rule, [&](std::string_view shape) {
        if (shape.front() == '[' || !in_class('b', shape.front())) return;
        std::string token = sample(shape);
        EXPECT_FALSE(scan("zz" + token).has(rule.id)) << rule.id << " " << shape;
      });
}

TEST(Secrets, FindsASampleOfEveryNamedKind) {
  for (const auto& table : context_tables())
    for (const auto& rule : table.rules) {
      std::string name(rule.names.substr(0, rule.names.find(' '))), shape(rule.shapes.substr(0, rule.shapes.find(' ')));
      for (std::string text : {name + "_KEY=\"" + sample(shape) + "\"", "{\"" + name + "Token\": \"" + sample(shape, 2) + "\"}"}) {
        auto findings = scan(text);
        EXPECT_FALSE(findings.empty()) << rule.id << " " << text;
      }
    }
}

TEST(Secrets, AChecksumIsChecked) {
  std::string token = checked_token("ghp_");
  EXPECT_TRUE(base62_crc_holds(token));
  token[10] = token[10] == 'a' ? 'b' : 'a';
  EXPECT_FALSE(base62_crc_holds(token));
}

TEST(Secrets, MasksWhatItFinds) {
  std::string token = checked_token("ghp_", 3);
  auto findings = scan("push with " + token + " please");
  ASSERT_EQ(1u, findings.all().size()) << names(findings);
  const Finding& finding = findings.all()[0];
  EXPECT_EQ("secrets.github-pat", finding.rule);
  EXPECT_EQ(10u, finding.begin);
  EXPECT_EQ(10u + token.size(), finding.end);
  EXPECT_EQ(std::string::npos, finding.masked.find(token.substr(4, 4))) << finding.masked;
  EXPECT_TRUE(finding.masked.starts_with("ghp_"));
  EXPECT_EQ("... (6)", mask_secret("abcdef").substr(1));
}

TEST(Secrets, LeavesLookAlikesAlone) {
  for (std::string text : {
           std::string("\"integrity\": \"sha512-") + base62(86) + "==\"",
           std::string("golang.org/x/sys v0.31.0 h1:") + base62(43) + "=",
           std::string("commit ") + sample("[h40]") + "\nAuthor: A <a@example.org>",
           std::string("{\"id\": \"") + sample("[h8]-[h4]-[h4]-[h4]-[h12]") + "\"}",
           std::string("hash = \"sha256:") + sample("[h64]") + "\"",
           sample("[h64]") + "  release-9.tar.gz",
           std::string("env: AWS_SECRET_ACCESS_KEY"),
           std::string("const key = process.env.STRIPE_SECRET_KEY"),
           std::string("token = os.environ['TOKEN']"),
           std::string("password: ${DB_PASSWORD}"),
           std::string("apiKey: null"),
           std::string("token_type: bearer, expires_in: 3600"),
           std::string("AKIAIOSFODNN7EXAMPLE"),
           std::string("-----BEGIN PUBLIC KEY-----\n") + base62(64) + "\n-----END PUBLIC KEY-----",
           std::string("postgres://user:password@localhost/db"),
           std::string("https://example.org:8443/path@2x.png"),
           std::string("max_tokens: 4096"),
           std::string("curl -u \"${ID}:${PASS}\" https://example.org"),
           std::string("secretName: my-app-tls-secret"),
       })
    EXPECT_TRUE(scan(text).empty()) << text << " -> " << names(scan(text));
}

TEST(Secrets, FindsWhatOnlySurroundingsGiveAway) {
  struct Case {
    std::string text;
    std::string_view rule;
  };
  std::string password = "tr0ub" + std::string("4dor&3x");
  for (const Case& c : {
           Case{"postgres://app:" + password + "@db.internal:5432/app", "secrets.database-url"},
           Case{"https://bot:" + password + "@git.internal/repo.git", "secrets.url-password"},
           Case{"Authorization: Bearer " + base62(40), "secrets.authorization"},
           Case{"Authorization: Basic " + base64_encode("admin:" + password), "secrets.authorization"},
           Case{"curl -u admin:" + password + "7 https://x.internal", "secrets.authorization"},
           Case{"password = \"" + password + "\"", "secrets.generic-password"},
           Case{"DB_PASSWORD=" + password, "secrets.generic-password"},
           Case{"<apiKey>" + base62(32) + "</apiKey>", "secrets.generic-key"},
           Case{"{\"client_secret\": \"" + base62(24) + "\"}", "secrets.generic-key"},
           Case{std::string("-----BEGIN RSA ") + "PRIVATE KEY-----\n" + base62(64) + "\n" + base62(64, 2) +
                    "\n-----END RSA PRIVATE KEY-----",
                "secrets.private-key"},
           Case{"cookie: session=" + testing::jwt(), "secrets.jwt"},
       })
    EXPECT_TRUE(scan(c.text).has(c.rule)) << c.text << " -> " << names(scan(c.text));
}

std::string hex(std::string_view text) { return hex_encode({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}); }
std::string percent(std::string_view text) {
  std::string out;
  for (char c : text) out += "%" + hex(std::string(1, c));
  return out;
}
std::string escapes(std::string_view text) {
  std::string out;
  for (char c : text) out += "\\u00" + hex(std::string(1, c));
  return out;
}
std::string rot13(std::string text) {
  for (char& c : text)
    if (in_class('a', c)) c = static_cast<char>('a' + (c - 'a' + 13) % 26);
    else if (in_class('U', c)) c = static_cast<char>('A' + (c - 'A' + 13) % 26);
  return text;
}

std::string base32(std::string_view text) {
  std::string out, bits;
  for (char c : text)
    for (int i = 7; i >= 0; --i) bits += (c >> i & 1) != 0 ? '1' : '0';
  for (std::size_t at = 0; at < bits.size(); at += 5) {
    std::string five = bits.substr(at, 5);
    five.resize(5, '0');
    out += "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[std::stoul(five, nullptr, 2)];
  }
  return out;
}
std::string references(std::string_view text, bool in_hex, std::string_view zeros = {}, std::string_view end = ";") {
  std::string out;
  for (char c : text)
    out.append(in_hex ? "&#x" : "&#")
        .append(zeros)
        .append(in_hex ? hex(std::string(1, c)) : std::to_string(static_cast<int>(c)))
        .append(end);
  return out;
}

// T-44
TEST(Secrets, UndoesEncodings) {
  std::string token = checked_token("ghp_", 9), line = "token: " + token;
  std::string spread;
  for (char c : token) spread += std::string(1, c) + "\xe2\x80\x8b";
  const std::string gzip = hex_decode(std::string("1f8b08000000000002ff")).value_or("");
  for (auto& [way, text] : std::vector<std::pair<std::string, std::string>>{
           {"base64", base64_encode(line)},
           {"base64>base64", base64_encode(base64_encode(line))},
           {"hex", hex(line)},
           {"percent", percent(line)},
           {"escapes", escapes(line)},
           {"hidden", spread},
           {"reversed", std::string(line.rbegin(), line.rend())},
           {"rot13", rot13(line)},
           {"folded", token.substr(0, 15) + "\r\n  " + token.substr(15)},
           {"percent>base64", percent(base64_encode(line))},
           {"base32", base32(line)},
           {"references", references(line, false)},
           {"references", references(line, true)},
           {"references", references(line, false, "", "")},
           {"references", references(line, true, "0000000000", "")},
           {"references", references(line, false, "0000000000")},
       }) {
    auto findings = scan("see " + text + " there");
    ASSERT_FALSE(findings.empty()) << way;
    EXPECT_EQ(way, findings.all()[0].via) << names(findings);
    EXPECT_EQ("secrets.github-pat", findings.all()[0].rule);
    EXPECT_GE(findings.all()[0].begin, 4u);
    EXPECT_LE(findings.all()[0].end, 4 + text.size());
  }
}

// T-44
TEST(Secrets, JoinsWhatWasCutInTwo) {
  std::string token = checked_token("ghp_", 4);
  std::string a = token.substr(0, 20), b = token.substr(20);
  for (std::string text : {
           "{\"part1\":\"" + a + "\",\"part2\":\"" + b + "\"}",
           "{\"owner\":\"acme\",\"part1\":\"use " + a + "\",\"part2\":\"" + b + "\",\"branch\":\"main\"}",
           "{\"second\":\"" + b + "\",\"first\":\"" + a + "\"}",
           "{\"first\":\"" + a + "\",\"note\":\"nothing here\",\"second\":\"" + b + "\"}",
           "{\"content\":[{\"type\":\"text\",\"text\":\"" + a + "\"},{\"type\":\"text\",\"text\":\"" + b + "\"}]}",
       }) {
    auto findings = scan_json(text);
    ASSERT_GE(findings.all().size(), 2u) << text << names(findings);
    EXPECT_TRUE(findings.has("secrets.github-pat"));
    json::Document document;
    ASSERT_TRUE(document.parse(text));
    std::string clean = redact_value(document.root(), findings);
    EXPECT_EQ(std::string::npos, clean.find(b)) << clean;
    EXPECT_EQ(std::string::npos, clean.find(a)) << clean;
  }
  EXPECT_TRUE(scan_json("{\"a\":\"ghp_\",\"b\":\"short\"}").empty());
}

// T-43, T-46
TEST(Secrets, LooksAtEveryStringAndKeyOfAValue) {
  std::string token = checked_token("ghp_", 5), blob = base64_encode("config\nkey=" + token + "\n");
  struct Case {
    std::string text, where;
  };
  for (const Case& c : {
           Case{"{\"query\":\"fine\",\"second\":\"" + token + "\"}", "/second"},
           Case{"{\"structuredContent\":{\"rows\":[[1,\"" + token + "\"]]}}", "/structuredContent/rows/0/1"},
           Case{"{\"content\":[{\"type\":\"resource\",\"resource\":{\"uri\":\"file:///x\",\"blob\":\"" + blob + "\"}}]}",
                "/content/0/resource/blob"},
           Case{"{\"error\":{\"code\":1,\"message\":\"bad token " + token + "\"}}", "/error/message"},
           Case{"{\"a/b\":{\"" + token + "\":1}}", "/a~1b/" + token},
           Case{"{\"method\":\"notifications/progress\",\"params\":{\"message\":\"" + token + "\"}}", "/params/message"},
       }) {
    auto findings = scan_json(c.text);
    ASSERT_FALSE(findings.empty()) << c.text;
    EXPECT_EQ(c.where, findings.all()[0].where);
    json::Document document;
    ASSERT_TRUE(document.parse(c.text));
    auto clean = redact_value(document.root(), findings);
    EXPECT_EQ(std::string::npos, clean.find(token)) << clean;
    json::Document again;
    EXPECT_TRUE(again.parse(clean)) << clean;
  }
}

TEST(Secrets, FindsSecretsOfTheVaultWhateverTheyLookLike) {
  init_crypto();
  auto known = std::make_shared<KnownSecrets>();
  EXPECT_FALSE(known->add("short"));
  EXPECT_TRUE(known->add("correct horse battery"));
  EXPECT_TRUE(known->add("plainword9"));
  EXPECT_TRUE(known->add("correct horse battery staple"));
  EXPECT_EQ(3U, known->size());
  auto with = make({.packs = {}, .caps = {}, .rules_off = {}});
  for (std::string text :
       {std::string("say correct horse battery now"), "x" + base64_encode("the plainword9 is here, really"), std::string("plainword9")}) {
    Findings findings;
    with->scan(text, findings, known.get());
    EXPECT_TRUE(findings.has("vault.known-secret")) << text;
  }
  Findings findings;
  with->scan("correct horse batter plainword8", findings, known.get());
  EXPECT_TRUE(findings.empty());
  json::Document split;
  ASSERT_TRUE(split.parse("{\"a\":\"correct horse\",\"b\":\" battery\"}"));
  with->scan_value(split.root(), findings, known.get());
  EXPECT_TRUE(findings.has("vault.known-secret"));
}

TEST(Secrets, ASwitchedOffRuleIsSilentAndAnUnknownOneRefused) {
  auto with = make({.packs = {Pack::Secrets}, .caps = {}, .rules_off = {"secrets.github-pat"}});
  Findings findings;
  with->scan(checked_token("ghp_"), findings);
  EXPECT_FALSE(findings.has("secrets.github-pat"));
  EXPECT_EQ("inspection.rule", Scanner::create({.packs = {}, .caps = {}, .rules_off = {"secrets.nothing"}}).error().reason);
}

}  // namespace
}  // namespace callgate::inspection
