#include "model/network.h"

#include <gtest/gtest.h>

namespace callgate {
namespace {

IpAddress ip(std::string_view text) {
  const auto address = IpAddress::parse(text);
  EXPECT_TRUE(address) << text;
  return address.value_or(IpAddress{});
}

TEST(IpAddress, ReadsAndWritesPlainForms) {
  EXPECT_EQ(ip("192.168.0.1").text(), "192.168.0.1");
  EXPECT_TRUE(ip("192.168.0.1").v4);
  EXPECT_EQ(ip("0.0.0.0").text(), "0.0.0.0");
  EXPECT_EQ(ip("255.255.255.255").text(), "255.255.255.255");
  EXPECT_EQ(ip("2001:DB8:0:0:0:0:0:1").text(), "2001:db8::1");
  EXPECT_EQ(ip("::").text(), "::");
  EXPECT_FALSE(ip("::1").v4);
}

// T-65
TEST(IpAddress, RefusesEveryOtherSpelling) {
  for (const char* text : {"",
                           "1",
                           "127.1",
                           "127.0.1",
                           "2130706433",
                           "0x7f000001",
                           "0x7f.0.0.1",
                           "0177.0.0.1",
                           "017700000001",
                           "127.0.0.01",
                           "127.0.0.1.",
                           ".127.0.0.1",
                           "127.0.0.256",
                           "127.0.0.-1",
                           "127.0.0.+1",
                           " 127.0.0.1",
                           "127.0.0.1 ",
                           "127..0.1",
                           "127.0.0.1.1",
                           "fe80::1%eth0",
                           "::1%1",
                           "1::2::3",
                           ":::",
                           "12345::1",
                           "::g",
                           "1:2:3:4:5:6:7",
                           "1:2:3:4:5:6:7:8:9",
                           "[::1]",
                           "::1/128",
                           "::ffff:127.1",
                           "::ffff:0177.0.0.1",
                           "127.0.0.1:80",
                           "１２７.0.0.1"}) {
    EXPECT_FALSE(IpAddress::parse(text)) << text;
  }
  for (std::size_t size : {45U, 46U, 47U, 1000U}) {  // about as long as an address can be, and longer
    EXPECT_FALSE(IpAddress::parse(std::string(size, ':'))) << size;
    EXPECT_FALSE(IpAddress::parse("::" + std::string(size - 3, '0') + "1")) << size;
  }
  EXPECT_FALSE(IpAddress::parse(std::string_view("127.0.0.1\0", 10)));
  EXPECT_FALSE(IpAddress::parse(std::string_view("::1\0", 4)));
}

// T-65
TEST(IpAddress, FoldsMappedAddressesToIpv4) {
  for (const char* text : {"::ffff:127.0.0.1", "::ffff:7f00:1", "0:0:0:0:0:ffff:7f00:0001", "::FFFF:127.0.0.1"}) {
    EXPECT_EQ(ip(text), ip("127.0.0.1")) << text;
    EXPECT_TRUE(ip(text).v4) << text;
    EXPECT_EQ(ip(text).text(), "127.0.0.1") << text;
  }
}

struct Class {
  const char* text;
  const char* flags;  // l loopback, k link-local, p private, s special
};

// T-65
TEST(IpAddress, ClassifiesEveryRangeAtItsEdges) {
  const Class cases[] = {
      {"127.0.0.1", "l"},
      {"127.255.255.255", "l"},
      {"126.255.255.255", ""},
      {"128.0.0.0", ""},
      {"::1", "l"},
      {"::ffff:127.0.0.1", "l"},
      {"169.254.0.0", "k"},
      {"169.254.169.254", "k"},
      {"169.255.0.0", ""},
      {"169.253.255.255", ""},
      {"fe80::1", "k"},
      {"febf::1", "k"},
      {"10.0.0.0", "p"},
      {"10.255.255.255", "p"},
      {"11.0.0.0", ""},
      {"9.255.255.255", ""},
      {"172.16.0.0", "p"},
      {"172.31.255.255", "p"},
      {"172.32.0.0", ""},
      {"172.15.255.255", ""},
      {"192.168.0.0", "p"},
      {"192.169.0.0", ""},
      {"100.64.0.0", "p"},
      {"100.127.255.255", "p"},
      {"100.128.0.0", ""},
      {"100.63.255.255", ""},
      {"fc00::", "p"},
      {"fdff:ffff::1", "p"},
      {"fd00:ec2::254", "p"},
      {"0.0.0.0", "s"},
      {"0.255.255.255", "s"},
      {"1.0.0.0", ""},
      {"::", "s"},
      {"192.0.0.1", "s"},
      {"192.0.2.1", "s"},
      {"192.0.1.0", ""},
      {"192.88.99.1", "s"},
      {"198.18.0.1", "s"},
      {"198.19.255.255", "s"},
      {"198.20.0.0", ""},
      {"198.51.100.7", "s"},
      {"203.0.113.7", "s"},
      {"224.0.0.1", "s"},
      {"239.255.255.255", "s"},
      {"240.0.0.1", "s"},
      {"255.255.255.255", "s"},
      {"223.255.255.255", ""},
      {"ff02::1", "s"},
      {"fec0::1", "s"},
      {"2001:db8::1", "s"},
      {"2001::1", "s"},
      {"2001:200::1", ""},
      {"3fff::1", "s"},
      {"3fff:1000::1", ""},
      {"100::1", "s"},
      {"4000::1", "s"},
      {"8000::1", "s"},
      {"5f00::1", "s"},
      {"64:ff9b:1::1", "s"},
      {"2606:4700::1111", ""},
      // transition addresses are what they lead to
      {"2002:7f00:1::", "l"},
      {"2002:a9fe:a9fe::1", "k"},
      {"2002:a00:1::1", "p"},
      {"2002:e000:1::1", "s"},
      {"2002:808:808::1", ""},
      {"64:ff9b::127.0.0.1", "l"},
      {"64:ff9b::a9fe:a9fe", "k"},
      {"64:ff9b::10.0.0.1", "p"},
      {"64:ff9b::0.0.0.0", "s"},
      {"64:ff9b::8.8.8.8", ""},
      {"::127.0.0.1", "ls"},
      {"::169.254.169.254", "ks"},
      {"::10.0.0.1", "ps"},
      {"::8.8.8.8", "s"},
      {"::2", "s"},
  };
  for (const Class& c : cases) {
    const IpAddress address = ip(c.text);
    std::string flags;
    if (address.loopback()) flags += 'l';
    if (address.link_local()) flags += 'k';
    if (address.private_range()) flags += 'p';
    if (address.special()) flags += 's';
    EXPECT_EQ(flags, c.flags) << c.text;
  }
}

TEST(IpRange, ContainsWhatItsTextSays) {
  const auto contains = [](std::string_view range, std::string_view address) {
    const auto read = IpRange::parse(range);
    EXPECT_TRUE(read) << range;
    return read && read->contains(ip(address));
  };
  EXPECT_TRUE(contains("10.0.0.0/8", "10.255.1.2"));
  EXPECT_FALSE(contains("10.0.0.0/8", "11.0.0.0"));
  EXPECT_TRUE(contains("10.0.0.0/8", "::ffff:10.1.1.1"));
  EXPECT_TRUE(contains("192.168.1.128/25", "192.168.1.255"));
  EXPECT_FALSE(contains("192.168.1.128/25", "192.168.1.127"));
  EXPECT_TRUE(contains("192.168.1.7", "192.168.1.7"));
  EXPECT_FALSE(contains("192.168.1.7", "192.168.1.6"));
  EXPECT_TRUE(contains("0.0.0.0/0", "8.8.8.8"));
  EXPECT_FALSE(contains("0.0.0.0/0", "2001:db8::1"));
  EXPECT_TRUE(contains("2001:db8::/32", "2001:db8:ffff::1"));
  EXPECT_FALSE(contains("2001:db8::/32", "2001:db9::"));
  EXPECT_TRUE(contains("::/0", "2001:db9::"));
  EXPECT_FALSE(contains("::/0", "10.0.0.1")) << "families do not mix";
  EXPECT_TRUE(contains("::ffff:10.0.0.0/104", "10.9.9.9"));
}

TEST(IpRange, RefusesBadTextAndWritesItsNetwork) {
  for (const char* text :
       {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/08", "10.0.0.0/-1", "10.0.0.0/8/8", "10.0.0/8", "::/129", "::ffff:0:0/64", "*"}) {
    EXPECT_FALSE(IpRange::parse(text)) << text;
  }
  EXPECT_EQ(IpRange::parse("10.1.2.3/8")->text(), "10.0.0.0/8");
  EXPECT_EQ(IpRange::parse("10.1.2.3/9")->text(), "10.0.0.0/9");
  EXPECT_EQ(IpRange::parse("10.1.2.3")->text(), "10.1.2.3");
  EXPECT_EQ(IpRange::parse("2001:db8::1/33")->text(), "2001:db8::/33");
  EXPECT_EQ(IpRange::parse("::1")->text(), "::1");
}

TEST(Url, ReadsItsParts) {
  struct Case {
    const char* text;
    bool tls;
    const char* host;
    unsigned port;
    const char* target;
    const char* authority;
  };
  const Case cases[] = {
      {"http://example.com", false, "example.com", 80, "/", "example.com"},
      {"HTTPS://Example.COM/Mcp?a=B", true, "example.com", 443, "/Mcp?a=B", "example.com"},
      {"http://localhost:8080/mcp", false, "localhost", 8080, "/mcp", "localhost:8080"},
      {"https://h:443/", true, "h", 443, "/", "h"},
      {"https://h:80/", true, "h", 80, "/", "h:80"},
      {"http://h?x=%2F", false, "h", 80, "/?x=%2F", "h"},
      {"http://127.0.0.1:9/x", false, "127.0.0.1", 9, "/x", "127.0.0.1:9"},
      {"http://[::1]:9/x", false, "::1", 9, "/x", "[::1]:9"},
      {"https://[2001:DB8::1]", true, "2001:db8::1", 443, "/", "[2001:db8::1]"},
      {"http://[::ffff:127.0.0.1]/", false, "127.0.0.1", 80, "/", "127.0.0.1"},
      {"http://xn--bcher-kva.example/", false, "xn--bcher-kva.example", 80, "/", "xn--bcher-kva.example"},
      {"http://my_service:1/", false, "my_service", 1, "/", "my_service:1"},
      {"http://1.example/", false, "1.example", 80, "/", "1.example"},
      {"http://0xgg/", false, "0xgg", 80, "/", "0xgg"},
  };
  for (const Case& c : cases) {
    const auto url = Url::parse(c.text);
    ASSERT_TRUE(url) << c.text;
    EXPECT_EQ(url->tls, c.tls) << c.text;
    EXPECT_EQ(url->host, c.host) << c.text;
    EXPECT_EQ(url->port, c.port) << c.text;
    EXPECT_EQ(url->target, c.target) << c.text;
    EXPECT_EQ(url->authority(), c.authority) << c.text;
    const auto again = Url::parse(url->text());
    ASSERT_TRUE(again) << url->text();
    EXPECT_EQ(again->text(), url->text());
  }
}

// T-65
TEST(Url, RefusesTricks) {
  for (const char* text : {"",
                           "example.com",
                           "ftp://h/",
                           "file:///etc/passwd",
                           "http:/h",
                           "http:h",
                           "//h/",
                           "http://",
                           "http:///x",
                           "https://:443/",
                           "javascript:alert(1)",
                           "http://user@h/",
                           "http://user:pass@h/",
                           "http://good.example@169.254.169.254/",
                           "http://h#@evil/",
                           "http://h/#frag",
                           "http://h/a#b",
                           "http://2130706433/",
                           "http://0x7f000001/",
                           "http://0x7f.1/",
                           "http://127.1/",
                           "http://127.0.1/",
                           "http://017700000001/",
                           "http://0177.0.0.1/",
                           "http://127.0.0.1./",
                           "http://127.0.0.01/",
                           "http://a.0x/",
                           "http://a.1/",
                           "http://0X7F.0.0.1/",
                           "http://1.2.3.4.5/",
                           "http://%31%32%37.0.0.1/",
                           "http://a%2eb/",
                           "http://a b/",
                           "http:// a/",
                           "http://a\\b/",
                           "http:\\\\a/",
                           "http://h\\@evil/",
                           "http://h/\\x",
                           "http://bücher.example/",
                           "http://１２７.0.0.1/",
                           "http://ⓔxample/",
                           "http://h./",
                           "http://.h/",
                           "http://a..b/",
                           "http://-a/",
                           "http://a-/",
                           "http://h:0/",
                           "http://h:65536/",
                           "http://h:/",
                           "http://h:080/",
                           "http://h:+80/",
                           "http://h:8 0/",
                           "http://h:80:80/",
                           "http://[::1/",
                           "http://[::1]x/",
                           "http://[::1]x80/",
                           "http://[::1]:/",
                           "http://[::1%25eth0]/",
                           "http://[127.0.0.1]/",
                           "http://[]/",
                           "http://::1/",
                           "http://h/a b",
                           "http://h/\r\nX: y",
                           "http://h/a\tb",
                           "http://h/%",
                           "http://h/%2",
                           "http://h/%zz",
                           "http://h/é",
                           "http://h/<",
                           "http://h/\"",
                           "http://h\n/",
                           "http://h\t/",
                           " http://h/",
                           "http://h/ "}) {
    EXPECT_FALSE(Url::parse(text)) << text;
  }
  EXPECT_FALSE(Url::parse(std::string_view("http://h\0/", 10)));
  EXPECT_FALSE(Url::parse("http://" + std::string(64, 'a') + "/"));
  EXPECT_FALSE(Url::parse("http://h/" + std::string(3000, 'a')));
  std::string long_host = "http://";
  for (int i = 0; i < 90; ++i) long_host += "aa.";
  EXPECT_FALSE(Url::parse(long_host + "com/"));
}

}  // namespace
}  // namespace callgate
