#include <gtest/gtest.h>

#include "base/encoding.h"
#include "inspection/urls.h"

namespace callgate::inspection {
namespace {

std::string rules(std::string_view url) {
  std::string out;
  for (const auto& finding : analyze_url(url).findings) out += std::string(finding.rule) + " ";
  return out;
}

// T-65 as text: the same forms must not slip past a look at the argument.
TEST(Urls, SeesAddressesInEverySpelling) {
  struct Case {
    std::string_view url, rule;
  };
  for (const Case& c : {
           Case{"http://127.0.0.1/", "url.loopback"},
           Case{"http://127.1/", "url.loopback"},
           Case{"http://2130706433/", "url.loopback"},
           Case{"http://0x7f000001/", "url.loopback"},
           Case{"http://0177.0.0.1/", "url.loopback"},
           Case{"http://0x7f.1/", "url.loopback"},
           Case{"http://[::1]/", "url.loopback"},
           Case{"http://[::ffff:127.0.0.1]/", "url.loopback"},
           Case{"http://%31%32%37.0.0.1/", "url.loopback"},
           Case{"http://127.0.0.1./", "url.loopback"},
           Case{"http://10.1.2.3:8080/", "url.private-address"},
           Case{"http://[fd12::1]/", "url.private-address"},
           Case{"http://0/", "url.special-address"},
           Case{"http://[::]/", "url.special-address"},
           Case{"http://169.254.169.254/latest/", "url.metadata-service"},
           Case{"http://2852039166/", "url.metadata-service"},
           Case{"http://[::ffff:a9fe:a9fe]/", "url.metadata-service"},
           Case{"http://metadata.google.internal/", "url.metadata-service"},
           Case{"http://localhost:3000/", "url.local-name"},
           Case{"http://LOCALHOST./", "url.local-name"},
           Case{"http://10.0.0.1.nip.io/", "url.name-for-any-address"},
       }) {
    EXPECT_TRUE(analyze_url(c.url).has(c.rule)) << c.url << " -> " << rules(c.url);
    if (c.rule != "url.name-for-any-address") {
      EXPECT_TRUE(analyze_url(c.url).inside()) << c.url;
    }
  }
  EXPECT_TRUE(analyze_url("http://2130706433/").has("url.disguised-address"));
}

TEST(Urls, SeesTricksWithTheHost) {
  for (auto [url, rule] : std::vector<std::pair<std::string_view, std::string_view>>{
           {"https://good.example@evil.example/", "url.userinfo"},
           {"http://localhost.evil.example/", "url.pretends-local"},
           {"https://127.0.0.1.evil.example/", "url.pretends-local"},
           {"file:///etc/passwd", "url.odd-scheme"},
           {"gopher://x/", "url.odd-scheme"},
           {"https://good.example\\@evil.example/", "url.odd-characters"},
           {"https:evil.example", "url.odd-characters"},
           {"https://ev%00il.example/", "url.odd-characters"},
           {"https://\xe2\x91\xa0.example/", "url.odd-characters"},
           {"https://xn--pple-43d.com/", "url.punycode"},
       })
    EXPECT_TRUE(analyze_url(url).has(rule)) << url << " -> " << rules(url);
  EXPECT_FALSE(analyze_url("https://good.example\\@evil.example/").understood);
}

TEST(Urls, SeesDataOnItsWayOut) {
  std::string secret = base64_encode("user=admin&pass=1234567");
  std::string label = secret;
  while (label.ends_with('=')) label.pop_back();
  EXPECT_TRUE(analyze_url("https://" + label + ".evil.example/").has("url.data-in-host"));
  EXPECT_TRUE(analyze_url("https://7365637265745f6170695f6b6579.evil.example/").has("url.data-in-host"));
  EXPECT_TRUE(analyze_url("https://x.example/log?d=" + label).has("url.data-in-query"));
}

TEST(Urls, LeavesOrdinaryOnesAlone) {
  for (std::string_view url :
       {"https://docs.example.com/a/b?page=2&sort=desc", "https://cdnjs.cloudflare.com/ajax/libs/lodash.js/4.17.21/lodash.min.js",
        "https://api.github.com/repos/acme/app/pulls?state=open", "https://my-long-service-name-production.eu-west-1.elasticbeanstalk.com/",
        "wss://stream.example.org:443/v1", "https://8.8.8.8/dns-query"})
    EXPECT_EQ("", rules(url)) << url;
}

}  // namespace
}  // namespace callgate::inspection
