#pragma once
// Strict readers for values with a meaning: file paths, URLs, e-mail addresses, command lines. No allocation, no I/O.
// Each answers Yes, No, or Unclear: text that two programs could read differently. Unclear never allows anything.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/network.h"

namespace callgate::policy {

enum class Answer : std::uint8_t { No, Unclear, Yes };

// Lexical: `.`, `..` and `//` are resolved, symlinks cannot be. Percent signs may be decoded by whoever opens the path: every reading has
// to come to the same answer. Roots are canonical, and say by their form whose rules hold: `/srv/x` POSIX, `C:/x`, `//server/share/x`
// Windows (both separators, case ignored, devices and drive-relative paths unclear). All of one list are of one kind. Unclear as well:
// relative without a `base` to start from, `~` first, `$` and `%` that something expands, encoded dots and slashes, names of dots before
// the last, backslashes, control characters, look-alikes of slash and dot, more than 4096 bytes or 128 segments.
struct PathOptions {
  std::string_view base = {};  // where relative paths start, canonical; without it they are unclear
  std::string_view home = {};  // where `~` and `$HOME` first lead, canonical; without it, and with a `..` above it, they are unclear
  bool ignore_case = false;    // for file systems that do not tell A from a
  // Only a file server opens the path: no shell, nothing that takes URLs, nothing that expands `~name`. Then `~name` that is no account,
  // `word:rest`, `$name` in small letters inside (without a `..`, as `~name`), and on Windows `/c/x` for `C:\x` are plain. What no honest
  // name holds stays unclear.
  bool file_server = false;
};
Answer path_within(std::string_view path, const std::vector<std::string>& roots, const PathOptions& options = {});
std::optional<std::string> canonical_root(std::string_view path);  // nothing when it is no plain absolute path
bool same_system(std::string_view root, std::string_view other);   // both POSIX, or both Windows

// `host`, `*.suffix` (any depth below, not the suffix itself) or an address. Unclear: not plain http(s)://host[:port]..., userinfo,
// backslash, spaces, non-ASCII, numeric hosts other than strict addresses.
struct HostPattern {
  std::string name;  // lower case, without the "*."
  bool below = false;
  std::optional<IpAddress> address;
};
Answer url_host_in(std::string_view url, const std::vector<HostPattern>& hosts);
std::optional<HostPattern> parse_host_pattern(std::string_view text);

// The one address local@domain; a display name, a list or a quoted local part is Unclear.
Answer email_domain_in(std::string_view address, const std::vector<HostPattern>& domains);

Answer cidr_in(std::string_view address, const std::vector<IpRange>& ranges);

// The command line starts with these very words and is one simple command: no ; | & < > $ ` \ ( ) newline, no assignment first.
struct CommandWords {
  std::vector<std::string> words;
};
Answer command_is(std::string_view line, const std::vector<CommandWords>& commands);
std::optional<CommandWords> parse_command_words(std::string_view text);

}  // namespace callgate::policy
