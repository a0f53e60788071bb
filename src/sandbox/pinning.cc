#include "sandbox/pinning.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

namespace callgate::sandbox {
namespace {

using Words = std::vector<std::string>;

std::string_view base_name(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

bool one_of(std::string_view word, std::initializer_list<std::string_view> list) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

tl::unexpected<Error> unpinned(const std::string& what, const std::string& fix) {
  return fail(
      Code::InvalidArgument, "sandbox.unpinned",
      "`" + what + "` fetches whatever is newest at each start: name the version you reviewed, as in `" + fix + "`, or say --unpinned");
}

// 1.2.3, 1.2.3-rc.1, 2026.7.1: begins with a digit and has nothing of a range in it.
bool exact_version(std::string_view version) {
  if (version.empty() || version.front() < '0' || version.front() > '9') return false;
  if (std::count(version.begin(), version.end(), '.') < 1) return false;
  if (version.find(".x") != std::string_view::npos) return false;
  return std::all_of(version.begin(), version.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '-' || c == '+' || c == '!';
  });
}

bool hexadecimal(std::string_view text, std::size_t size) {
  return text.size() == size &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool local_path(std::string_view package) { return package.starts_with("./") || package.starts_with("../") || package.starts_with("/"); }

// name@1.2.3, @scope/name@1.2.3, or a git URL that names a commit.
bool pinned_npm(std::string_view package) {
  if (local_path(package) || package.starts_with("file:")) return true;
  if (const auto hash = package.rfind('#'); hash != std::string_view::npos) return hexadecimal(package.substr(hash + 1), 40);
  const auto at = package.rfind('@');
  return at != std::string_view::npos && at > 0 && exact_version(package.substr(at + 1));
}

// name==1.2.3, name[extra]==1.2.3, uv's name@1.2.3, or a git URL that names a commit.
bool pinned_python(std::string_view package) {
  if (local_path(package)) return true;
  if (package.starts_with("git+")) {
    const auto at = package.rfind('@');
    return at != std::string_view::npos && hexadecimal(package.substr(at + 1), 40);
  }
  if (const auto equals = package.find("=="); equals != std::string_view::npos) return exact_version(package.substr(equals + 2));
  const auto at = package.find('@');
  return at != std::string_view::npos && exact_version(package.substr(at + 1));
}

struct Runner {
  std::vector<std::string_view> with_value;  // options that take the next word
  std::vector<std::string_view> packages;    // options whose value is what gets fetched
  bool npm = true;
  std::string_view shown;
  bool plain = true;  // without a package option the first plain word is the package
};

bool pinned(const Runner& runner, std::string_view package) { return runner.npm ? pinned_npm(package) : pinned_python(package); }

std::string corrected(const Runner& runner, std::string_view package) {
  std::string name(package);
  if (runner.npm) {
    const auto at = name.rfind('@');
    if (at != std::string::npos && at > 0) name.resize(at);
    return std::string(runner.shown) + " " + name + "@1.2.3";
  }
  name.resize(std::min(name.find_first_of("=<>~!@ "), name.size()));
  return std::string(runner.shown) + " " + name + "==1.2.3";
}

// `at` stands after the runner's own words. What is fetched: every value of a package option, else the first plain word.
Result<void> check_runner(const Words& argv, std::size_t at, const Runner& runner) {
  bool named = false;
  for (; at < argv.size(); ++at) {
    const std::string_view word = argv[at];
    if (word == "--") continue;
    if (!word.starts_with("-")) break;
    const auto equals = word.find('=');
    const std::string_view option = word.substr(0, equals);
    const bool package = std::find(runner.packages.begin(), runner.packages.end(), option) != runner.packages.end();
    const bool takes = std::find(runner.with_value.begin(), runner.with_value.end(), option) != runner.with_value.end();
    std::string_view value = equals == std::string_view::npos ? std::string_view{} : word.substr(equals + 1);
    if (equals == std::string_view::npos && (package || takes)) {
      if (++at >= argv.size()) break;
      value = argv[at];
    }
    if (!package) continue;
    if (!pinned(runner, value)) return unpinned(std::string(runner.shown) + " " + std::string(value), corrected(runner, value));
    named = named || option != "--with";  // --with adds packages to the one that runs
  }
  if (named || !runner.plain || at >= argv.size()) return {};
  if (!pinned(runner, argv[at])) return unpinned(std::string(runner.shown) + " " + argv[at], corrected(runner, argv[at]));
  return {};
}

// Skips a launcher's options before its sub-command: npm --silent exec.
std::size_t first_word(const Words& argv, std::size_t at) {
  while (at < argv.size() && argv[at].starts_with("-")) ++at;
  return at;
}

Result<void> check_container(const Words& argv, std::string_view shown) {
  std::size_t at = first_word(argv, 1);
  if (at < argv.size() && argv[at] == "container") at = first_word(argv, at + 1);
  if (at >= argv.size() || !one_of(argv[at], {"run", "create"})) return {};
  // Options of `run` that stand alone; every other one without `=` takes the next word. A misread value is refused, never let through.
  for (++at; at < argv.size() && argv[at].starts_with("-"); ++at) {
    const std::string_view word = argv[at];
    const bool alone = word.find('=') != std::string_view::npos || one_of(word, {"--rm",
                                                                                 "-i",
                                                                                 "-t",
                                                                                 "-it",
                                                                                 "-ti",
                                                                                 "-d",
                                                                                 "--interactive",
                                                                                 "--tty",
                                                                                 "--detach",
                                                                                 "--init",
                                                                                 "--read-only",
                                                                                 "--privileged",
                                                                                 "--no-healthcheck",
                                                                                 "--oom-kill-disable",
                                                                                 "--publish-all",
                                                                                 "-P",
                                                                                 "--sig-proxy",
                                                                                 "-q",
                                                                                 "--quiet",
                                                                                 "--replace",
                                                                                 "--rmi",
                                                                                 "--tls-verify",
                                                                                 "--no-hosts",
                                                                                 "--env-host",
                                                                                 "--http-proxy"});
    if (!alone) ++at;
  }
  if (at >= argv.size()) return {};
  auto checked = check_image_pinned(argv[at]);
  if (!checked) checked.error().message = "`" + std::string(shown) + "`: " + checked.error().message;
  return checked;
}

Result<void> check_words(const Words& argv) {
  const std::string_view program = base_name(argv[0]);
  const Runner npx{
      {"-c", "--call", "-w", "--workspace", "--registry", "--cache", "--userconfig", "--prefix"}, {"-p", "--package"}, true, "npx -y"};
  const auto rest = [&](std::initializer_list<std::string_view> verbs) -> std::optional<std::size_t> {
    std::size_t at = 1;
    while (at < argv.size() && argv[at].starts_with("-"))
      at += one_of(argv[at], {"--directory", "--project", "--cache-dir", "-C", "--dir"}) ? 2 : 1;
    return at < argv.size() && one_of(argv[at], verbs) ? std::optional(at + 1) : std::nullopt;
  };
  if (program == "npx") return check_runner(argv, 1, npx);
  if (program == "bunx") return check_runner(argv, 1, {{}, {"-p", "--package"}, true, "bunx"});
  if (program == "pnpx") return check_runner(argv, 1, {{}, {"--package"}, true, "pnpm dlx"});
  if (program == "npm") {
    if (const auto at = rest({"exec", "x", "init", "create"})) return check_runner(argv, *at, npx);
  }
  if (one_of(program, {"pnpm", "yarn"})) {
    if (const auto at = rest({"dlx"})) return check_runner(argv, *at, {{"-C", "--dir"}, {"-p", "--package"}, true, "pnpm dlx"});
  }
  if (program == "bun") {
    if (const auto at = rest({"x"})) return check_runner(argv, *at, {{}, {"-p", "--package"}, true, "bunx"});
  }
  const Runner uvx{
      {"--python", "-p", "--index-url", "-i", "--extra-index-url", "--index", "--directory", "--cache-dir", "--project", "--color"},
      {"--from", "--with"},
      false,
      "uvx"};
  if (program == "uvx") return check_runner(argv, 1, uvx);
  if (program == "uv") {
    if (const auto at = rest({"tool"}); at && *at < argv.size() && argv[*at] == "run") return check_runner(argv, *at + 1, uvx);
    if (const auto at = rest({"run"})) {
      // `uv run` works on the project before it; only what --with adds is fetched, so a plain word ends the check.
      Runner run = uvx;
      run.packages = {"--with"};
      run.shown = "uv run --with";
      run.plain = false;
      return check_runner(argv, *at, run);
    }
  }
  if (program == "pipx") {
    if (const auto at = rest({"run"})) {
      return check_runner(argv, *at, {{"--python", "--index-url", "-i", "--pip-args"}, {"--spec"}, false, "pipx run"});
    }
  }
  if (one_of(program, {"docker", "podman", "nerdctl"})) return check_container(argv, program);
  return {};
}

}  // namespace

Result<void> check_image_pinned(const std::string& image) {
  const auto refuse = [&](const char* why) {
    return fail(Code::InvalidArgument, "sandbox.unpinned",
                "image `" + image + "` " + why + ": name what you reviewed, as in `name@sha256:...` or `name:1.2.3`, or say --unpinned");
  };
  if (image.empty()) return refuse("is missing");
  if (const auto at = image.find("@sha256:"); at != std::string::npos) {
    if (!hexadecimal(std::string_view(image).substr(at + 8), 64)) return refuse("has a broken digest");
    return {};
  }
  const auto slash = image.rfind('/');
  const auto colon = image.find(':', slash == std::string::npos ? 0 : slash);
  if (colon == std::string::npos) return refuse("has no tag, which means the newest");
  const std::string_view tag = std::string_view(image).substr(colon + 1);
  // An exact tag carries a version; latest, main, stable, v1 and the like move.
  std::string_view version = tag.starts_with("v") ? tag.substr(1) : tag;
  if (!exact_version(version)) return refuse("has a tag that moves");
  return {};
}

Result<void> check_image_digest(const std::string& image) {
  const auto at = image.find("@sha256:");
  if (at != std::string::npos && at > 0 && hexadecimal(std::string_view(image).substr(at + 8), 64)) return {};
  return fail(
      Code::InvalidArgument, "sandbox.unpinned",
      "image `" + image +
          "` is not named by its digest: write `name@sha256:...` (`podman image inspect --format {{.Digest}} NAME` tells it), or say "
          "--unpinned");
}

Result<void> check_pinned(const Words& argv) {
  if (argv.empty()) return {};
  // `env NAME=value npx x` and the like: look at what runs in the end.
  Words rest = argv;
  while (!rest.empty() && one_of(base_name(rest[0]), {"env", "nice", "timeout", "stdbuf", "nohup", "setsid", "ionice"})) {
    const bool timed = base_name(rest[0]) == "timeout";
    rest.erase(rest.begin());
    while (!rest.empty() && (rest[0].starts_with("-") || rest[0].find('=') != std::string::npos)) rest.erase(rest.begin());
    if (timed && !rest.empty()) rest.erase(rest.begin());
  }
  return rest.empty() ? Result<void>{} : check_words(rest);
}

}  // namespace callgate::sandbox
