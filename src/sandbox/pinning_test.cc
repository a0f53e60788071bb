#include "sandbox/pinning.h"

#include <gtest/gtest.h>

#include <sstream>

namespace callgate::sandbox {
namespace {

std::vector<std::string> words(const std::string& line) {
  std::istringstream in(line);
  std::vector<std::string> out;
  for (std::string word; in >> word;) out.push_back(word);
  return out;
}

const std::string kDigest(64, 'a');
const std::string kCommit(40, 'b');

TEST(Pinning, RefusesWhateverFetchesTheNewestAtEachStart) {
  for (const char* line : {"npx -y x",
                           "npx x",
                           "npx --yes @scope/x",
                           "npx -y x@latest",
                           "npx x@^1.2.3",
                           "npx x@1",
                           "npx x@~1.2",
                           "npx x@1.x",
                           "npx -p x cmd",
                           "npx --package=x cmd",
                           "npx -y --package x@1.2.3 --package y cmd",
                           "npm exec x",
                           "npm exec -- x",
                           "npm x -y x",
                           "npm --silent exec x",
                           "npm init x",
                           "pnpm dlx x",
                           "pnpm dlx --package x cmd",
                           "yarn dlx x",
                           "bunx x",
                           "bun x x",
                           "pnpx x",
                           "uvx x",
                           "uvx x>=1.2",
                           "uvx --from x cmd",
                           "uvx --from=x cmd",
                           "uvx --python 3.12 x",
                           "uvx x@latest",
                           "uvx --with y x==1.2.3",
                           "uv tool run x",
                           "uv run --with x server.py",
                           "pipx run x",
                           "pipx run --spec x cmd",
                           "uvx git+https://host/x",
                           "uvx --from git+https://host/x@main cmd",
                           "docker run --rm -i image",
                           "docker run -i image:latest",
                           "podman run -i --rm registry.example:5000/image",
                           "docker run -e NAME image:main",
                           "docker run --name n image:v1",
                           "docker container run image",
                           "nerdctl run image:stable",
                           "/usr/bin/npx -y x",
                           "env A=b npx x",
                           "timeout 60 npx x",
                           "docker run -i image@sha256:abc",
                           "docker create image"}) {
    const auto checked = check_pinned(words(line));
    ASSERT_FALSE(checked) << line;
    EXPECT_EQ(checked.error().reason, "sandbox.unpinned") << line;
    EXPECT_NE(checked.error().message.find("1.2.3"), std::string::npos) << checked.error().message;
  }
}

TEST(Pinning, AcceptsExactVersionsDigestsAndCommits) {
  for (const std::string& line : std::vector<std::string>{"npx -y x@1.2.3",
                                                          "npx @scope/x@2026.7.1 /some/folder",
                                                          "npx -y x@1.2.3-rc.1",
                                                          "npx --package=x@1.2.3 cmd",
                                                          "npx -p x@1.2.3 -p y@2.0.0 cmd y",
                                                          "npx ./local",
                                                          "npx github:o/r#" + kCommit,
                                                          "npm exec --yes x@1.2.3",
                                                          "pnpm dlx x@1.2.3",
                                                          "bunx x@1.2.3",
                                                          "uvx x==1.2.3",
                                                          "uvx x@1.2.3",
                                                          "uvx --from x==1.2 cmd",
                                                          "uvx --from=x[cli]==1.2 cmd",
                                                          "uvx --python 3.12 x==1.2.3",
                                                          "uvx --with y==2.0 x==1.2.3",
                                                          "uv tool run --from x==1.2.3 cmd",
                                                          "uv run server.py",
                                                          "uv --directory /srv/app run server.py",
                                                          "uv run --with x==1.2.3 server.py",
                                                          "pipx run x==1.2.3",
                                                          "pipx run --spec x==1.2.3 cmd",
                                                          "uvx git+https://host/x@" + kCommit,
                                                          "docker run -i --rm image:1.2.3",
                                                          "docker run --rm -e A -v /a:/b:ro image@sha256:" + kDigest,
                                                          "podman run registry.example:5000/a/image:v2.0.1 serve",
                                                          "docker version",
                                                          "npm run start",
                                                          "npm ci",
                                                          "node server.js",
                                                          "python3 -m server",
                                                          "/opt/server/bin/server npx x"}) {
    const auto checked = check_pinned(words(line));
    EXPECT_TRUE(checked) << line << ": " << (checked ? "" : checked.error().message);
  }
  EXPECT_TRUE(check_pinned({}));
}

TEST(Pinning, SaysHowToCorrectIt) {
  EXPECT_NE(check_pinned(words("npx -y @scope/x@latest")).error().message.find("`npx -y @scope/x@1.2.3`"), std::string::npos);
  EXPECT_NE(check_pinned(words("uvx x[cli]>=2")).error().message.find("`uvx x[cli]==1.2.3`"), std::string::npos);
}

TEST(Pinning, ADigestIsNotATag) {
  EXPECT_TRUE(check_image_digest("registry.example/a@sha256:" + std::string(64, 'a')));
  for (const char* image : {"registry.example/a:1.2.3", "a", "a@sha256:abc", "@sha256:"}) {
    const auto checked = check_image_digest(image);
    ASSERT_FALSE(checked) << image;
    EXPECT_EQ(checked.error().reason, "sandbox.unpinned");
  }
}

}  // namespace
}  // namespace callgate::sandbox
