// path_within by its properties: whatever is called inside is inside for every program that might open it, and names that people give to
// files are inside for all of them.

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <string>
#include <vector>

#include "policy/typed.h"

namespace callgate::policy {
namespace {

const std::vector<std::string> kRoots{"/srv/site/docs"};
constexpr PathOptions kAny{.base = "/srv/site/docs"};
constexpr PathOptions kServer{.base = "/srv/site/docs", .home = "/srv/site", .file_server = true};
constexpr PathOptions kInner{.base = "/srv/site/docs", .home = "/srv/site/docs/users/ann"};

// Another reader than ours, and a plain one: takes the text apart and puts it together, one way that some program does it.
std::string resolved(std::string text) {
  if (!text.starts_with('/')) text = "/srv/site/docs/" + text;
  std::vector<std::string> parts;
  for (std::size_t from = 0; from <= text.size();) {
    auto end = std::min(text.find('/', from), text.size());
    std::string part = text.substr(from, end - from);
    from = end + 1;
    if (part == ".." && !parts.empty()) parts.pop_back();
    else if (!part.empty() && part != "." && part != "..") parts.push_back(part);
  }
  std::string out;
  for (const auto& part : parts) out += '/' + part;
  return out.empty() ? "/" : out;
}

bool inside(const std::string& text) {
  std::string at = resolved(text);
  return at == kRoots[0] || at.starts_with(kRoots[0] + '/');
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) text.replace(at, from.size(), to);
  return text;
}

bool hex(char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; }

std::string decoded(const std::string& text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '%' && at + 2 < text.size() && hex(text[at + 1]) && hex(text[at + 2])) {
      out += static_cast<char>(std::stoi(text.substr(at + 1, 2), nullptr, 16));
      at += 2;
    } else {
      out += text[at];
    }
  }
  return out;
}

// `home` is expanded by some programs and a name to others, which the text as it stands is for.
std::vector<std::string> readings(const std::string& path, std::string_view folder) {
  std::vector<std::string> out{path};
  for (int round = 0; round < 4; ++round) out.push_back(decoded(out.back()));
  for (std::size_t i = 0, count = out.size(); i < count; ++i) {
    std::string text = out[i];
    out.push_back(replaced(text, "\\", "/"));
    out.push_back(text.substr(0, text.find('\0')));                                      // C
    out.push_back(replaced(replaced(text, "\xe2\x80\x8b", ""), "\xe2\x80\x8d", ""));     // what nobody sees is dropped
    out.push_back(replaced(replaced(text, "\xef\xbc\x8e", "."), "\xe2\x80\xa5", ".."));  // compatibility folding
    out.push_back(replaced(replaced(text, "\xef\xbc\x8f", "/"), "\xe2\x80\xa6", "..."));
    out.push_back(replaced(text, "....//", "../"));  // a filter takes out `../` once
    for (std::string_view home : {"~/", "$HOME/", "${HOME}/"})
      if (text.starts_with(home)) out.push_back(std::string(folder) + '/' + text.substr(home.size()));
    for (std::string_view scheme : {"file:///", "file:/", "FILE:/"})
      if (text.starts_with(scheme)) out.push_back("/" + text.substr(scheme.size()));
    while (text.ends_with(' ')) text.pop_back();
    out.push_back(text);
  }
  return out;
}

// T-27: texts put together at random from what attacks are made of. Yes means inside by every reading, whatever opens the path.
TEST(PolicyPaths, NeverCallsInsideWhatSomeProgramReadsAsOutside) {
  constexpr std::array<std::string_view, 36> kPieces{"/..",
                                                     "/..",
                                                     "..",
                                                     "..",
                                                     "..",
                                                     ".",
                                                     "/",
                                                     "/",
                                                     "/",
                                                     "/",
                                                     "a",
                                                     "src",
                                                     "/srv/site/docs",
                                                     "/srv",
                                                     "site",
                                                     "docs",
                                                     "%2e",
                                                     "%2E%2e",
                                                     "%2f",
                                                     "%252e",
                                                     "%252f",
                                                     "%5c",
                                                     "\\",
                                                     "~",
                                                     "~/",
                                                     "$HOME",
                                                     "${HOME}",
                                                     "file:",
                                                     "\xe2\x80\x8b",
                                                     "\xe2\x80\xa5",
                                                     "\xe2\x80\xa6",
                                                     "\xef\xbc\x8e",
                                                     "\xef\xbc\x8f",
                                                     " ",
                                                     "\xc3\xa9",
                                                     "%41"};
  std::mt19937 random(20260728);
  std::size_t yes = 0;
  for (int i = 0; i < 60000; ++i) {
    std::string path;
    for (auto left = 1 + random() % 9; left > 0; --left) path += kPieces[random() % kPieces.size()];
    for (const PathOptions& options : {kAny, kServer, kInner}) {
      if (path_within(path, kRoots, options) != Answer::Yes) continue;
      ++yes;
      for (const std::string& reading : readings(path, options.home.empty() ? "/srv/site" : options.home))
        ASSERT_TRUE(inside(reading)) << path << " is also read as " << reading;
    }
  }
  EXPECT_GT(yes, 4000U);  // the property is about something
}

// T-27: one climb out, in every dress.
TEST(PolicyPaths, RefusesAClimbInEveryDress) {
  constexpr std::array<std::string_view, 22> kUps{"../",
                                                  "..//",
                                                  ".././",
                                                  "./../",
                                                  "%2e%2e/",
                                                  "..%2f",
                                                  "%2e%2e%2f",
                                                  "%252e%252e%252f",
                                                  "%25252e%25252e/",
                                                  "..%5c",
                                                  "..\\",
                                                  "%2e./",
                                                  ".%2E/",
                                                  "..%c0%af",
                                                  "%c0%ae%c0%ae/",
                                                  "%u002e%u002e/",
                                                  "%%32%65%%32%65/",
                                                  "\xef\xbc\x8e\xef\xbc\x8e/",
                                                  "\xe2\x80\xa5/",
                                                  "..\xe2\x88\x95",
                                                  "..\xef\xbc\x8f",
                                                  ".\xe2\x80\x8b./"};
  for (std::string_view up : kUps)
    for (std::string_view before : {"", "src/", "/srv/site/docs/", "/srv/site/docs/src/lib/", "./"})
      for (std::string_view target : {"etc/passwd", ".ssh/id_ed25519", "", "srv/site/other"}) {
        std::string path(before);
        for (int i = 0; i < 7; ++i) path += up;
        path += target;
        EXPECT_NE(path_within(path, kRoots, kAny), Answer::Yes) << path;
        EXPECT_NE(path_within(path, kRoots, kServer), Answer::Yes) << path;
      }
}

// T-27: other ways to name a place, with a file server behind as well.
TEST(PolicyPaths, RefusesOtherNamesForOtherPlaces) {
  for (std::string_view path : {"~",
                                "~root/.ssh/id_rsa",
                                "~nobody",
                                "~mail/inbox",
                                "~site/other",  // the account whose home is named
                                "~+/../x",
                                "~-/x",
                                "~1/x",
                                "~/.netrc",
                                "$HOME/.netrc",
                                "${HOME}/other/x",
                                "$OLDPWD/x",
                                "a/$SECRETS_DIR/x",
                                "$dir/x",
                                "a/${dir}/x",
                                "a/$(pwd)/x",
                                "a/$x/../../b",
                                "`pwd`/../x/../../y",
                                "file:/etc/hosts",
                                "file:///srv/site/docs/%2e%2e/x",
                                "file://localhost/etc/hosts",
                                "File:\\etc\\hosts",
                                "smb://files/share/x",
                                "zip:file:/etc/hosts!/x",
                                "view:source:etc",
                                "phar://x.phar/a",
                                "c:secret",
                                "C:/Windows/win.ini",
                                "note:",
                                "\\\\files\\share\\x",
                                "/srv/site/docs.bak/x",
                                "/srv/site/docs2",
                                "/SRV/site/docs/x",
                                "/proc/self/root/etc/hosts",
                                "/dev/fd/3",
                                "//srv/site",
                                "/srv/site/docs/../docs2/x",
                                "a/\xef\xbc\x8e\xef\xbc\x8e/b",
                                "a/\xe2\x80\xa6/b",
                                "a\xe2\x84\x80/../../x",
                                "DOCS~1/../x/../..",
                                ".git /hooks/x",
                                "a\r\nb",
                                "a\tb"})
    EXPECT_NE(path_within(path, kRoots, kServer), Answer::Yes) << path;
}

// Names that people and programs give to files, in five spellings.
TEST(PolicyPaths, TakesTheNamesThatPeopleGiveFiles) {
  constexpr std::array<std::string_view, 45> kNames{
      "README.md",
      ".gitignore",
      "..hidden",
      "a..b",
      "v1..v2.diff",
      "...",
      "notes (final) [2].txt",
      "C++ & C#.md",
      "it's.txt",
      "50% off.txt",
      "100%",
      "a%20b.txt",
      "%C3%A9t%C3%A9.txt",
      "US$.txt",
      "foo~",
      "#scratch#",
      ".#lock",
      "a+b=c.txt",
      "user@host.log",
      "12:30 minutes.txt",
      "a,b;c.txt",
      "etc/passwd.md",
      "proc/self/status.go",
      "home/root.txt",
      "Z\xc3\xbcrich/caf\xc3\xa9.txt",
      "Z\x75\xcc\x88rich.txt",
      "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e.txt",
      "\xe5\xa0\xb1\xe5\x91\x8a\xe3\x80\x82\xe6\x9c\x80\xe7\xb5\x82.txt",  // an ideographic full stop
      "\xef\xbc\xa1\xef\xbc\xa2\xef\xbc\x91.txt",                          // full-width A, B, 1
      "\xd0\xbe\xd1\x82\xd1\x87\xd1\x91\xd1\x82.docx",
      "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb.png",  // an emoji of two with a joiner
      "\xd9\x85\xdb\x8c\xe2\x80\x8c\xd8\xae.txt",          // Persian with a non-joiner
      "to do\xe2\x80\xa6later.txt",
      "20 \xe2\x84\x83.csv",
      "a-very-long-name-that-goes-on-and-on-and-on-for-quite-a-while-to-see-that-length-is-no-trouble.json",
      "x.tar.gz",
      "src/[id]/page.tsx",
      "src/(group)/page.tsx",
      "src/@modal/page.tsx",
      "__pycache__/x.cpython-312.pyc",
      "node_modules/@scope/pkg/index.js",
      "Makefile.am~",
      "a^b",
      "{braces}.txt",
      "!important"};
  for (std::string_view name : kNames)
    for (std::string_view before : {"", "./", "/srv/site/docs/", "sub//", "sub/../"}) {
      std::string path = std::string(before) + std::string(name);
      EXPECT_EQ(path_within(path, kRoots, kAny), Answer::Yes) << path;
      EXPECT_EQ(path_within(path, kRoots, kServer), Answer::Yes) << path;
    }
}

// What only the author of the policy can know.
TEST(PolicyPaths, TakesMoreNamesWhenOnlyAFileServerOpensThem) {
  for (std::string_view path :
       {"~old/file", "price_$5.csv", "~$Budget.xlsx", "docs/~$Budget.xlsx", "note:today.txt", "re:view/x.md", "build/Outer$Inner.class",
        "Outer$1.class", "app/routes/$id.tsx", "/srv/site/docs/routes/$postId/edit.tsx", "~tmp"}) {
    EXPECT_EQ(path_within(path, kRoots, kAny), Answer::Unclear) << path;
    EXPECT_EQ(path_within(path, kRoots, kServer), Answer::Yes) << path;
  }
}

TEST(PolicyPaths, KnowsTheHomeFolderWhereItIsNamed) {
  const std::vector<std::string> roots{"/home/ann/desk"};
  PathOptions options{.base = "/srv", .home = "/home/ann"};
  for (std::string_view path : {"~/desk/a", "$HOME/desk", "${HOME}//desk/x", "~/./desk/../desk/a%20b", "~/x/../desk"})
    EXPECT_EQ(path_within(path, roots, options), Answer::Yes) << path;
  for (std::string_view path : {"~", "~/", "~/.ssh/id_rsa", "~/desk/../x", "$HOME/desktop", "~//etc/hosts"})
    EXPECT_EQ(path_within(path, roots, options), Answer::No) << path;
  // Above home hangs on who expands; `\` is no separator here.
  for (std::string_view path : {"~/../bob/desk", "~/../ann/desk", "~/x/../../ann/desk", "~/..", "~/\\desk/x", "~/desk/.\\x"})
    EXPECT_EQ(path_within(path, roots, options), Answer::Unclear) << path;
  for (std::string_view path : {"~ann/desk/x", "~/~bob/x", "~/$X/desk", "$HOMES/desk", "~/%2e%2e/x", "~\\desk\\x", "x/~/desk", "~/file:x"})
    EXPECT_NE(path_within(path, roots, options), Answer::Yes) << path;
  options.home = "C:/Data/ann";
  EXPECT_EQ(path_within("~\\desk\\x", {"C:/Data/ann/desk"}, options), Answer::Yes);
  EXPECT_EQ(path_within("~\\Desktop", {"C:/Data/ann/desk"}, options), Answer::No);
}

// T-27: who expands only one of `~` and `$HOME`, or neither, starts elsewhere; above the start that counts.
TEST(PolicyPaths, IsUnsureAboveHome) {
  PathOptions options{.base = "/data", .home = "/data/users/ann"};
  for (std::string_view path : {"$HOME/../../etc/passwd", "~/../../etc/passwd", "${HOME}/x/../../../etc", "~/../x"})
    EXPECT_EQ(path_within(path, {"/data"}, options), Answer::Unclear) << path;
  for (std::string_view path : {"$HOME/etc/passwd", "~/x/../y", "~"}) EXPECT_EQ(path_within(path, {"/data"}, options), Answer::Yes) << path;
}

// T-27: `~name` is a name to nobody for sure; with a `..` behind it leads out where it is not.
TEST(PolicyPaths, RefusesANameWithATildeTogetherWithAClimb) {
  for (std::string_view path : {"~bob/../ann/x", "~old/../x", "sub/../~old/x", "~old/a/../b"})
    EXPECT_EQ(path_within(path, kRoots, kServer), Answer::Unclear) << path;
}

TEST(PolicyPaths, ReadsDrivesAsFileServersOnWindowsDo) {
  const std::vector<std::string> roots{"C:/Data/ann/desk"};
  PathOptions options{.base = "C:/Data/ann/desk", .file_server = true};
  for (std::string_view path : {"/c/Data/ann/desk/x", "/C/data/ANN/desk", "/c/Data/ann/desk/../desk/x y.txt"})
    EXPECT_EQ(path_within(path, roots, options), Answer::Yes) << path;
  for (std::string_view path : {"/c", "/c/", "/d/Data/ann/desk/x", "/c/Windows/System32", "/c/Data/ann/desk/../x", "/c/../Data"})
    EXPECT_EQ(path_within(path, roots, options), Answer::No) << path;
  for (std::string_view path : {"\\c\\Data\\ann\\desk", "/mnt/c/Data/ann/desk", "/c:/Data/ann/desk", "/cc/Users", "/c/Data/ann/desk/NUL",
                                "/c/Data/ann/desk/a:b", "note:x", "~bob/.x/../../.."})
    EXPECT_NE(path_within(path, roots, options), Answer::Yes) << path;
}

// A deny rule must not be slipped by a spelling that some program folds.
TEST(PolicyPaths, IsUnsureOfNamesThatFoldToTheRootsName) {
  const std::vector<std::string> git{"/srv/site/docs/.git"};
  for (std::string_view path : {".\xef\xbd\x87\xef\xbd\x89\xef\xbd\x94/hooks/x", "/srv/site/\xef\xbd\x84ocs/.git"})
    EXPECT_EQ(path_within(path, git, kServer), Answer::Unclear) << path;
  EXPECT_EQ(path_within("docs/x", git, kServer), Answer::No);
}

}  // namespace
}  // namespace callgate::policy
