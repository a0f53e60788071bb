#include <algorithm>
#include <initializer_list>

#include "inspection/shell_walk.h"

namespace callgate::inspection {
namespace {

using Names = std::initializer_list<std::string_view>;

struct Options {
  std::string_view with_value, flags;  // letters
  Names long_with_value, long_flags;
};

const Options kDocker{
    "cHl",
    "Dvr",
    {"--context", "--host", "--config", "--log-level", "--tlscacert", "--tlscert", "--tlskey", "--connection", "--identity", "--url",
     "--root", "--runroot", "--storage-driver", "--storage-opt", "--runtime", "--tmpdir", "--cgroup-manager", "--namespace", "--address"},
    {"--debug", "--tls", "--tlsverify", "--remote", "--version"}};
const Options kCompose{"fpHc",
                       "v",
                       {"--file", "--project-name", "--profile", "--env-file", "--project-directory", "--ansi", "--parallel", "--progress",
                        "--host", "--context", "--tlscacert", "--tlscert", "--tlskey", "--log-level"},
                       {"--compatibility", "--dry-run", "--all-resources", "--verbose", "--no-ansi", "--tls", "--tlsverify"}};
const Options kExec{"euw",
                    "ditT",
                    {"--env", "--env-file", "--user", "--workdir", "--detach-keys", "--index", "--preserve-fds", "--preserve-fd"},
                    {"--detach", "--interactive", "--tty", "--privileged", "--no-TTY", "--no-tty", "--dry-run"}};

bool among(const Names& names, std::string_view name) { return std::find(names.begin(), names.end(), name) != names.end(); }

// False: an option that is not known, so that nobody can say where the options end.
bool skip(const Words& words, std::size_t& at, const Options& options) {
  for (; at < words.size(); ++at) {
    const std::string& text = words[at].text;
    if (text.size() < 2 || text[0] != '-') return !words[at].expands;
    if (text == "--") return ++at, true;
    if (text[1] == '-') {
      const bool value = among(options.long_with_value, std::string_view(text).substr(0, text.find('=')));
      if (!value && !among(options.long_flags, std::string_view(text).substr(0, text.find('=')))) return false;
      at += value && text.find('=') == std::string::npos;
      continue;
    }
    for (std::size_t i = 1; i < text.size(); ++i) {
      if (options.with_value.find(text[i]) != std::string_view::npos) {
        at += i + 1 == text.size();
        break;
      }
      if (options.flags.find(text[i]) == std::string_view::npos) return false;
    }
  }
  return true;
}

}  // namespace

InContainer in_container(const std::string& name, const Words& words) {
  auto lost = [&] {  // whatever the rest is, it is nothing to judge by unless it may run something inside
    return InContainer{0, std::none_of(words.begin(), words.end(), [](const auto& word) { return word.text == "exec" || word.expands; })};
  };
  std::size_t at = 1;
  bool compose = name == "docker-compose" || name == "podman-compose";
  if (!compose) {
    if (!skip(words, at, kDocker)) return lost();
    if (at < words.size() && words[at].text == "container") ++at;
    else if (at < words.size() && words[at].text == "compose") compose = true, ++at;
  }
  if (compose && !skip(words, at, kCompose)) return lost();
  if (at >= words.size() || words[at].text != "exec") return {0, at >= words.size() || !words[at].expands};
  ++at;
  if (!skip(words, at, kExec)) return lost();
  return {at + 1, true};
}

}  // namespace callgate::inspection
