#include "cli/cli.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "base/crypto.h"
#include "cli/parser.h"
#include "cli/session.h"

namespace callgate::cli {
namespace {

void write_all(std::FILE* file, std::string_view text) { std::fwrite(text.data(), 1, text.size(), file); }

config::Sources sources_of(const Args& args) {
  auto sources = config::Sources::of_process();
  auto add = [&](std::string_view option, std::string_view key) {
    if (args.given(option)) sources.flags.emplace_back(key, args.text(option));
  };
  for (const auto& pair : args.list("--set")) {
    auto equals = pair.find('=');
    sources.flags.emplace_back(pair.substr(0, equals), equals == std::string::npos ? "true" : pair.substr(equals + 1));
  }
  add("--output", "output");
  add("--data", "data_dir");
  add("--url", "url");
  add("--listen", "listen");
  return sources;
}

int run_words(std::vector<std::string> words) {
  auto commands = all_commands();
  auto parsed = parse(commands, std::move(words));
  if (!parsed.error.empty()) {
    write_all(stderr, "error: " + parsed.error + "\n");
    return kUsage;
  }
  if (!parsed.help.empty()) {
    write_all(stdout, parsed.help);
    return kOk;
  }
  auto loaded = config::load(sources_of(parsed.args));
  if (!loaded) {
    write_all(stderr, "error: " + loaded.error().message + "\n");
    return kUsage;
  }
  // An explicit data directory means the gate that lives there, whatever url a settings file names.
  if (parsed.args.given("--data") && !parsed.args.given("--url")) loaded->settings.url.clear();
  Session session(
      *loaded, http_transport(loaded->settings), [](std::string_view text) { write_all(stdout, text); },
      [](std::string_view text) {
        std::fflush(stdout);
        write_all(stderr, text);
      });
  session.quiet = parsed.args.given("--quiet");
  session.yes = parsed.args.given("--yes");
  session.dry_run = parsed.args.given("--dry-run");
  const char* no_color = std::getenv("NO_COLOR");
  session.color = ::isatty(1) != 0 && !parsed.args.given("--no-color") && (!no_color || !*no_color);
  int code = parsed.command->run(session, parsed.args);
  bool lost = std::fflush(stdout) != 0 || std::ferror(stdout) != 0;
  return code == kOk && lost ? kFailed : code;
}

}  // namespace

int run(int argc, char** argv) {
  init_crypto();
  try {
    return run_words(std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc));
  } catch (const std::exception& caught) {
    std::fprintf(stderr, "error: %s\n", caught.what());
    return kFailed;
  }
}

}  // namespace callgate::cli
