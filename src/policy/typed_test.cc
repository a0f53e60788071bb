#include "policy/typed.h"

#include <gtest/gtest.h>

namespace callgate::policy {
namespace {

// T-27
TEST(PolicyTyped, KeepsPathsInsideTheirRoot) {
  std::vector<std::string> roots{*canonical_root("/workspace/"), *canonical_root("/data//x/.")};
  EXPECT_EQ(roots[0], "/workspace");
  EXPECT_EQ(roots[1], "/data/x");
  for (std::string_view path : {"/workspace",
                                "/workspace/",
                                "/workspace/a",
                                "/workspace/./a//b",
                                "/workspace/a/../b",
                                "//workspace/a",
                                "/data/x/y",
                                "/x/../workspace/a",
                                "/workspace/report_50%.pdf",
                                "/workspace/100%.txt",
                                "/workspace/foo~",
                                "/workspace/a.~1~",
                                "/workspace/v~2x",
                                "/workspace/caf\xc3\xa9/a b.txt",
                                "/workspace/...a",
                                "/workspace/.git",
                                "/workspace/~root/x",
                                "/workspace/...",
                                "/workspace/a/....",
                                "/workspace/a b$.txt",
                                "/workspace/US$/a",
                                "/workspace/cost $.txt",
                                "/workspace/12:30 notes",
                                "/workspace/50%_of_all%"})
    EXPECT_EQ(path_within(path, roots), Answer::Yes) << path;
  for (std::string_view path : {"/workspace/../etc/x", "/workspace2/a", "/etc/passwd", "/", "/workspace/a/../../etc", "/data", "/data/xy",
                                "/Workspace/a", "/../../etc"})
    EXPECT_EQ(path_within(path, roots), Answer::No) << path;
  for (std::string_view path : {"",
                                "a",
                                "./workspace/a",
                                "~/.ssh",
                                "/workspace/~/x",
                                "/workspace/$HOME",
                                "/workspace/${X}/a",
                                "file:///workspace/a",
                                "/workspace/%2e%2e/etc",
                                "/workspace/%252e/etc",
                                "/workspace\\..\\etc",
                                "/workspace/..\xef\xbc\x8f"
                                "etc",
                                "/workspace/\xe2\x80\xa5/etc",
                                "/workspace\xe2\x88\x95"
                                "a",
                                "/workspace/a\nb",
                                "/~root/x",
                                "/workspace/../~root/x",
                                "/workspace/.../x",
                                "/workspace/....//x",
                                "/workspace/..../",
                                "/workspace/a\\b",
                                "/workspace/$1/x",
                                "/workspace/$(id)",
                                "/workspace/.. /x",
                                "/workspace/.git./config",
                                "/workspace/.git /config",
                                "/workspace/GIT~1/config",
                                "/workspace/A~1.TXT",
                                "/workspace/a\xe2\x80\x8b",
                                "C:/workspace",
                                "/workspace/%u002e"})
    EXPECT_EQ(path_within(path, roots), Answer::Unclear) << path;
  EXPECT_EQ(path_within(std::string_view("/workspace/a\0/../..", 19), roots), Answer::Unclear);
  std::string deep = "/workspace";
  for (int i = 0; i < 200; ++i) deep += "/a";
  EXPECT_EQ(path_within(deep, roots), Answer::Unclear);
  // Encoded names that stay inside whatever decodes them, and encodings that would not.
  for (std::string_view path : {"/workspace/%41", "/workspace/a%20b.txt", "/workspace/100%2525.txt", "/workspace/%C3%A9t%C3%A9"})
    EXPECT_EQ(path_within(path, roots), Answer::Yes) << path;
  for (std::string_view path :
       {"/workspace/a%2fb", "/workspace/%2e%2e", "/workspace/%25%32%65", "/workspace/%7eroot", "/workspace/a%00b", "/workspace/%ff"})
    EXPECT_EQ(path_within(path, roots), Answer::Unclear) << path;
  EXPECT_EQ(path_within("/a%20b/c", {"/a%20b"}), Answer::Yes);
  EXPECT_EQ(path_within("/any/thing", {"/"}), Answer::Yes);
}

TEST(PolicyTyped, StartsRelativePathsWhereTheAuthorSays) {
  std::vector<std::string> roots{"/workspace/src"};
  for (std::string_view path :
       {"src", "./src/a", "src//a", "docs/../src/a", "../workspace/src/a", "/workspace/src/b", "src/foo~", "src/a:b"})
    EXPECT_EQ(path_within(path, roots, {.base = "/workspace"}), Answer::Yes) << path;
  for (std::string_view path : {".", "docs", "../src", "src/../..", "../../../etc", "/etc"})
    EXPECT_EQ(path_within(path, roots, {.base = "/workspace"}), Answer::No) << path;
  for (std::string_view path : {"", "~", "~/src", "~root/src", "./~root", "a/../~root/src", "$HOME/src", "%HOME%/src", "file:src", "C:/src",
                                "src\\a", "%2e%2e/src", "file:///workspace/src"})
    EXPECT_EQ(path_within(path, roots, {.base = "/workspace"}), Answer::Unclear) << path;
}

// T-27: a root of Windows says that Windows reads the path.
TEST(PolicyTyped, ReadsWindowsPathsAsWindowsDoes) {
  std::vector<std::string> roots{*canonical_root("C:\\Data\\Ann\\papers\\"), *canonical_root("\\\\files\\team\\docs")};
  EXPECT_EQ(roots[0], "C:/Data/Ann/papers");
  EXPECT_EQ(roots[1], "//files/team/docs");
  EXPECT_EQ(*canonical_root("d:/"), "d:");
  for (std::string_view path :
       {"c:/data/ANN/Papers/a.txt", "C:\\Data\\Ann\\papers", "C:/Data\\Ann/papers\\x/../y z.txt", "\\\\FILES\\Team\\docs\\x",
        "//files/team/docs/..\\docs/x", "C:\\..\\..\\Data\\Ann\\papers\\~x", "C:/Data/Ann/papers/a%20b"})
    EXPECT_EQ(path_within(path, roots), Answer::Yes) << path;
  std::vector<std::string> drive{roots[0]};
  for (std::string_view path : {"C:\\Data\\Ann\\papers2\\x", "D:\\Data\\Ann\\papers\\x", "C:\\Data\\Ann\\papers\\..\\x", "C:\\Data"})
    EXPECT_EQ(path_within(path, drive), Answer::No) << path;
  EXPECT_EQ(path_within("\\\\files\\other\\docs\\x", {roots[1]}), Answer::No);
  for (std::string_view path : {"C:x.txt",
                                "C:",
                                "\\Data\\Ann\\papers\\x",
                                "/c/Data/Ann/papers/x",
                                "x.txt",
                                "\\\\localhost\\C$\\Data\\Ann\\papers",
                                "\\\\files\\C$\\x",
                                "\\\\?\\C:\\Data\\Ann\\papers\\x",
                                "\\\\.\\C:\\x",
                                "C:\\Data\\Ann\\papers\\NUL",
                                "C:\\Data\\Ann\\papers\\com1.txt",
                                "C:\\Data\\Ann\\papers\\con .x",
                                "C:\\Data\\Ann\\papers\\a.txt:s",
                                "C:\\Data\\Ann\\papers\\...\\x",
                                "C:\\Data\\Ann\\papers\\.. \\x",
                                "C:\\Data\\Ann\\papers\\LONGNA~1\\x",
                                "C:\\Data\\Ann\\papers\\%TEMP%\\x",
                                "C:\\Data\\Ann\\papers\\*",
                                "C:\\Data\\Ann\\papers\\%2e%2e\\x",
                                "\\\\server",
                                "//",
                                "file:///C:/Data/Ann/papers/x"})
    EXPECT_EQ(path_within(path, drive), Answer::Unclear) << path;
  for (std::string_view path : {"x.txt", "a\\..\\b", "..\\papers\\x"})
    EXPECT_EQ(path_within(path, drive, {.base = "C:/Data/Ann/papers"}), Answer::Yes) << path;
  EXPECT_EQ(path_within("..\\x", drive, {.base = "C:/Data/Ann/papers"}), Answer::No);
  EXPECT_EQ(path_within("~\\x", drive, {.base = "C:/Data/Ann/papers"}), Answer::Unclear);
  for (std::string_view root : {"C:x", "C:\\a\\NUL", "\\\\server", "\\\\?\\C:\\x", "/a\\b", "~", "a"})
    EXPECT_FALSE(canonical_root(root)) << root;
}

TEST(PolicyTyped, IgnoresCaseOnlyWhereTheFileSystemDoes) {
  std::vector<std::string> roots{"/Data/ann/papers", "/Data/ann/\xc3\x89t\xc3\xa9"};
  EXPECT_EQ(path_within("/data/Ann/papers/x", roots), Answer::No);
  EXPECT_EQ(path_within("/data/Ann/papers/x", roots, {.ignore_case = true}), Answer::Yes);
  EXPECT_EQ(path_within("/data/Ann/papers2/x", {roots[0]}, {.ignore_case = true}), Answer::No);
  EXPECT_EQ(path_within("/Data/ann/\xc3\x89t\xc3\xa9/x", {roots[1]}, {.ignore_case = true}), Answer::Yes);
  EXPECT_EQ(path_within("/Data/ann/\xc3\xa9t\xc3\xa9/x", {roots[1]}, {.ignore_case = true}), Answer::Unclear);
  EXPECT_EQ(path_within("/Data/ann/Wor\xe2\x84\xaa/x", {roots[0]}, {.ignore_case = true}), Answer::Unclear);  // a Kelvin sign folds to k
}

TEST(PolicyTyped, ReadsHostsAsEveryoneWould) {
  std::vector<HostPattern> hosts{*parse_host_pattern("Example.com"), *parse_host_pattern("*.docs.example.com"),
                                 *parse_host_pattern("10.0.0.1"), *parse_host_pattern("[2001:db8::1]")};
  for (std::string_view url : {"https://example.com", "http://EXAMPLE.com:8080/x?y#z", "https://a.docs.example.com/",
                               "https://a.b.docs.example.com?x@y", "HTTPS://10.0.0.1/", "http://[2001:db8::1]:80/"})
    EXPECT_EQ(url_host_in(url, hosts), Answer::Yes) << url;
  for (std::string_view url : {"https://evil.com", "https://example.com.evil.com", "https://xexample.com", "https://docs.example.com",
                               "https://10.0.0.2/", "http://[::1]/"})
    EXPECT_EQ(url_host_in(url, hosts), Answer::No) << url;
  for (std::string_view url : {"https://example.com@evil.com",
                               "https://evil.com\\@example.com",
                               "https://example.com%2eevil.com",
                               "//example.com",
                               "example.com",
                               "ftp://example.com",
                               "https:example.com",
                               "https:///example.com",
                               "https://exam ple.com",
                               "https://example.com\t",
                               "https://ex\xc3\xa4mple.com",
                               "https://0x7f.1/",
                               "https://2130706433/",
                               "https://127.1/",
                               "https://010.0.0.1/",
                               "https://example..com",
                               "https://.example.com",
                               "https://example.com.",
                               "https://example.com:",
                               "https://example.com:99x",
                               "https://[example.com]",
                               "https://10.0.0.1.:80",
                               "http://[::1",
                               "javascript://example.com",
                               ""})
    EXPECT_EQ(url_host_in(url, hosts), Answer::Unclear) << url;
}

// What the gate's own URL reader accepts it reads the same way.
TEST(PolicyTyped, AgreesWithTheModelOnHosts) {
  for (std::string_view text :
       {"https://example.com/a", "http://EXAMPLE.com:8080/x?y", "https://10.0.0.1/", "http://[2001:db8::1]:80/", "https://a_b.example",
        "https://xn--e1afmkfd.example/", "https://127.1/", "https://2130706433/", "https://example.com@evil.com", "https://example.com.",
        "https://a..b", "https://-a.example/", "https://example.com:0/", "https://example.com:65536/"}) {
    auto url = Url::parse(text);
    if (!url) continue;
    auto pattern = parse_host_pattern(url->host);
    Answer answer = pattern ? url_host_in(text, {*pattern}) : Answer::Unclear;
    EXPECT_NE(answer, Answer::No) << text << " is on host " << url->host;
  }
}

TEST(PolicyTyped, ReadsOneMailAddress) {
  std::vector<HostPattern> domains{*parse_host_pattern("example.com"), *parse_host_pattern("*.corp.example")};
  for (std::string_view text : {"a@example.com", "A.b+c@EXAMPLE.COM", "x@eu.corp.example"})
    EXPECT_EQ(email_domain_in(text, domains), Answer::Yes) << text;
  for (std::string_view text : {"a@evil.com", "a@example.com.evil.com", "a@corp.example"})
    EXPECT_EQ(email_domain_in(text, domains), Answer::No) << text;
  for (std::string_view text : {"a@evil.com,b@example.com", "A <a@example.com>", "\"a@evil.com\"@example.com", "a@b@example.com",
                                "@example.com", "a@", "a", "a@example.com ", "a@example.com\n", "a@[10.0.0.1]", ""})
    EXPECT_EQ(email_domain_in(text, domains), Answer::Unclear) << text;
}

TEST(PolicyTyped, ReadsAddressesInRanges) {
  std::vector<IpRange> ranges{*IpRange::parse("10.0.0.0/8"), *IpRange::parse("2001:db8::/32")};
  EXPECT_EQ(cidr_in("10.1.2.3", ranges), Answer::Yes);
  EXPECT_EQ(cidr_in("::ffff:10.1.2.3", ranges), Answer::Yes);
  EXPECT_EQ(cidr_in("2001:db8::9", ranges), Answer::Yes);
  EXPECT_EQ(cidr_in("11.1.2.3", ranges), Answer::No);
  for (std::string_view text : {"10.1", "0x0a.0.0.1", "10.0.0.1/8", "012.0.0.1", "host", ""})
    EXPECT_EQ(cidr_in(text, ranges), Answer::Unclear) << text;
}

TEST(PolicyTyped, TakesOnlyOneSimpleCommand) {
  std::vector<CommandWords> commands{*parse_command_words("git status"), *parse_command_words("ls"), *parse_command_words("rm")};
  for (std::string_view line :
       {"git status", "git status -s", "  ls  -l 'a b; c'", "ls \"x y\"", "ls *.txt", "git status # note", "rm -rf x"})
    EXPECT_EQ(command_is(line, commands), Answer::Yes) << line;
  for (std::string_view line :
       {"git push", "git", "lsof", "git statusx", "echo ls", "Git status", "git 'status'", "git -c core.pager=x status", "sudo rm x"})
    EXPECT_EQ(command_is(line, commands), Answer::No) << line;
  for (std::string_view line :
       {"",       " ",       "ls; rm x", "ls && x", "ls | x", "ls > x", "ls < x",   "ls `x`", "ls $(x)",   "ls \"$X\"", "ls\nrm x",
        "ls\rrm", "ls & rm", "l\\s",     "X=1 ls",  "'ls'",   "l's'",   "ls 'open", "(ls)",   "/bin/rm x", "./ls",      "ls !x"})
    EXPECT_EQ(command_is(line, commands), Answer::Unclear) << line;
}

}  // namespace
}  // namespace callgate::policy
