// path_within (typed.h): is this text a path below a root, for everyone who might open it? A reading that some program makes and that leads
// elsewhere makes the answer Unclear. What the roots look like says whose rules hold: `/srv/x` POSIX, `C:\x` and `\\server\share` Windows.

#include <algorithm>
#include <array>

#include "policy/typed.h"
#include "policy/utf8.h"

namespace callgate::policy {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool name_char(char c) { return is_letter(c) || is_digit(c) || c == '_'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
std::uint32_t hex_value(char c) { return static_cast<std::uint32_t>(is_digit(c) ? c - '0' : lower(c) - 'a' + 10); }
bool in(std::string_view set, char c) { return set.find(c) != std::string_view::npos; }

// Characters that some program turns into a separator or a sign with a meaning, or that nobody sees.
bool treacherous(std::uint32_t rune) {
  if (rune < 0x20 || (rune >= 0x7f && rune < 0xa0)) return true;
  if (rune < 0x80) return false;
  if (rune >= 0xff01 && rune <= 0xff5e) return in("\"$%*./:<>?\\|~", static_cast<char>(rune - 0xff01 + '!'));  // full-width ASCII
  if ((rune >= 0x200b && rune <= 0x200f) || (rune >= 0x202a && rune <= 0x202e)) return true;                   // invisible, direction
  if ((rune >= 0x2060 && rune <= 0x206f) || rune == 0xfeff || rune == 0x00ad) return true;
  if (rune == 0x2100 || rune == 0x2101 || rune == 0x2105 || rune == 0x2106) return true;  // a/c and its kind fold to a slash
  if (rune >= 0xfe50 && rune <= 0xfe6f) return true;                                      // small forms
  constexpr std::uint32_t kSlashes[] = {0x2044, 0x2215, 0x2216, 0x29f5, 0x29f8, 0x29f9, 0x2571, 0x2572, 0x223c};
  return std::find(std::begin(kSlashes), std::end(kSlashes), rune) != std::end(kSlashes) || (rune >= 0xe0000 && rune <= 0xe0fff);
}

// One, two or three dots to whoever folds text, or the full stop of other scripts.
bool dots(std::uint32_t rune) { return (rune >= 0x2024 && rune <= 0x2026) || rune == 0x3002 || rune == 0xff61; }

bool beyond_ascii(char c) { return static_cast<unsigned char>(c) >= 0x80; }

// Within a word such a sign changes nothing: dots between letters, joiners inside an emoji or a word of Persian or Hindi.
bool within_word(std::uint32_t rune, std::string_view path, std::size_t at, std::size_t size) {
  bool joiner = rune == 0x200c || rune == 0x200d;
  if (at == 0 || at + size >= path.size() || (!joiner && !dots(rune))) return false;
  char before = path[at - 1], after = path[at + size];
  if (joiner) return beyond_ascii(before) && beyond_ascii(after);
  return (name_char(before) || beyond_ascii(before)) && !in("/\\", after);
}

// NAME~1 or NAME~1.EXT: how Windows names a longer name.
bool short_name(std::string_view part) {
  auto tilde = part.rfind('~');
  if (tilde == std::string_view::npos || part.size() > 12 || tilde + 1 >= part.size() || !is_digit(part[tilde + 1])) return false;
  auto end = part.find_first_not_of("0123456789", tilde + 1);
  return end == std::string_view::npos || part[end] == '.';
}

bool only_dots(std::string_view part) { return part.find_first_not_of('.') == std::string_view::npos; }

bool equal_folded(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

// CON, NUL.txt, COM1: files of that name are devices, in every folder.
bool device(std::string_view part) {
  auto stem = part.substr(0, part.find('.'));
  while (!stem.empty() && stem.back() == ' ') stem.remove_suffix(1);
  for (std::string_view name : {"con", "prn", "aux", "nul", "conin$", "conout$", "clock$"})
    if (equal_folded(stem, name)) return true;
  if (stem.size() < 4 || !(equal_folded(stem.substr(0, 3), "com") || equal_folded(stem.substr(0, 3), "lpt"))) return false;
  auto number = stem.substr(3);
  return (number.size() == 1 && is_digit(number[0])) || number == "\xc2\xb9" || number == "\xc2\xb2" || number == "\xc2\xb3";
}

// `notes:` could be a scheme or a drive to somebody, `12:` could not.
bool scheme_first(std::string_view path, std::string_view separators) {
  auto first = path.substr(0, path.find_first_of(separators));
  auto colon = first.find(':');
  if (colon == std::string_view::npos || !is_letter(first[0])) return false;
  return std::all_of(first.begin(), first.begin() + static_cast<std::ptrdiff_t>(colon),
                     [](char c) { return is_letter(c) || is_digit(c) || in("+.-", c); });
}

// To a program that takes no URLs `notes:today` is a name. Not so one letter, a drive to others, and what goes on as only a URL does.
bool colon_in_name(std::string_view path, std::string_view separators) {
  auto first = path.substr(0, path.find_first_of(separators));
  auto colon = first.find(':');
  return colon > 1 && colon + 1 < first.size() && first.find(':', colon + 1) == std::string_view::npos;
}

// `$` that no shell expands: nothing follows that could be a name, a bracket or a parameter.
bool idle_dollar(std::string_view path, std::size_t at) { return at + 1 == path.size() || in("/., )]=+", path[at + 1]); }

// `Outer$Inner.class`, `routes/$id.tsx`: POSIX keeps names in small letters out of the environment of its programs (XBD 8.1). Only where
// no shell reads along, and not as the first thing.
bool dollar_in_name(std::string_view path, std::size_t at) {
  if (at == 0) return false;
  auto end = at + 1;
  bool small = false, digits = true;
  for (; end < path.size() && name_char(path[end]); ++end) {
    small |= path[end] >= 'a' && path[end] <= 'z';
    digits &= is_digit(path[end]);
  }
  return end > at + 1 && (small || (digits && name_char(path[at - 1])));
}

// Accounts that every system may have (LSB, user names): `~root` leads to one's home folder where anything expands it.
bool account(std::string_view name) {
  constexpr std::string_view kAccounts[] = {"root", "bin",  "daemon", "adm",  "lp",       "sync", "shutdown",
                                            "halt", "mail", "news",   "uucp", "operator", "man",  "nobody"};
  return std::find(std::begin(kAccounts), std::end(kAccounts), name) != std::end(kAccounts);
}

bool escape_at(std::string_view text, std::size_t at) {
  return text[at] == '%' && at + 2 < text.size() && is_hex(text[at + 1]) && is_hex(text[at + 2]);
}

// %NAME% as Windows expands it, beginning at `at`.
bool variable(std::string_view path, std::size_t at) {
  auto end = at + 1;
  while (end < path.size() && (name_char(path[end]) || in("():", path[end]))) ++end;
  return end > at + 1 && end < path.size() && path[end] == '%';
}

// `C:` for a letter.
std::string_view drive(char letter) {
  static constexpr std::string_view kDrives = "a:b:c:d:e:f:g:h:i:j:k:l:m:n:o:p:q:r:s:t:u:v:w:x:y:z:";
  return kDrives.substr(static_cast<std::size_t>(lower(letter) - 'a') * 2, 2);
}

// `~`, `$HOME` and `${HOME}` at the start: what comes after, without separators in front. Nothing when it starts otherwise.
std::optional<std::string_view> below_home(std::string_view path, std::string_view separators) {
  for (std::string_view home : {"~", "$HOME", "${HOME}"})
    if (path.starts_with(home) && (path.size() == home.size() || in(separators, path[home.size()]))) {
      path.remove_prefix(home.size());
      auto begin = path.find_first_not_of(separators);
      return begin == std::string_view::npos ? std::string_view(".") : path.substr(begin);
    }
  return std::nullopt;
}

// Goes above where it starts, be it for a moment: where that leads hangs on what the start was expanded to, if it was.
bool climbs_out(std::string_view path, std::string_view separators) {
  std::size_t depth = 0;
  for (std::size_t from = 0; from < path.size();) {
    auto end = std::min(path.find_first_of(separators, from), path.size());
    auto part = path.substr(from, end - from);
    from = end + 1;
    if (part == ".." && depth-- == 0) return true;
    if (!part.empty() && !only_dots(part)) ++depth;
  }
  return false;
}

enum class System : std::uint8_t { Posix, Windows };

// A canonical root says by its form whose it is: `C:/x` and `//server/share/x` are Windows.
System system_of(std::string_view root) {
  return (root.size() > 1 && root[1] == ':') || root.starts_with("//") ? System::Windows : System::Posix;
}

std::string_view separators_of(System system) { return system == System::Windows ? "/\\" : "/"; }

struct Segments {
  std::array<std::string_view, 128> part;
  std::size_t count = 0;
  std::size_t floor = 0;   // what `..` does not go above: a drive, a share
  bool on_server = false;  // \\server\share
};

class PathReader {
 public:
  PathReader(System system, const PathOptions& options) : system_(system), separators_(separators_of(system)), options_(options) {}
  // False when unclear.
  bool read(std::string_view path, std::string_view base, Segments& out) const;

 private:
  bool plain_text(std::string_view path, bool climbs) const;
  bool start(std::string_view& path, std::string_view base, Segments& out) const;
  bool plain_name(std::string_view part, bool last) const;
  bool tilde_in_name(std::string_view part) const;
  System system_;
  std::string_view separators_;
  const PathOptions& options_;
};

// With a `..` that may count folders, `$name` has to be a name to everyone.
bool PathReader::plain_text(std::string_view path, bool climbs) const {
  bool windows = system_ == System::Windows;
  for (std::size_t at = 0; at < path.size();) {
    auto [rune, size] = next_rune(path.substr(at));
    if (size == 0 || ((treacherous(rune) || dots(rune)) && !within_word(rune, path, at, size))) return false;
    char c = path[at];
    if (c == '$' && !idle_dollar(path, at) && !(options_.file_server && !climbs && dollar_in_name(path, at))) return false;
    if (c == '%' && at + 1 < path.size() && in("%uU", path[at + 1])) return false;
    if (c == '%' && (windows || (at == 0 && !escape_at(path, at))) && variable(path, at)) return false;
    if (windows ? in("<>\"|?*", c) : c == '\\') return false;
    at += size;
  }
  return true;
}

// Takes off what says where the path starts: the root, a drive, a share; or begins with the base.
bool PathReader::start(std::string_view& path, std::string_view base, Segments& out) const {
  bool rooted = in(separators_, path[0]);
  if (system_ == System::Posix && rooted) return true;
  if (system_ == System::Windows) {
    if (rooted) {
      if (options_.file_server && path.size() > 1 && path[0] == '/' && is_letter(path[1]) && (path.size() == 2 || path[2] == '/')) {
        out.part[out.count++] = drive(path[1]);
        out.floor = 1;
        path.remove_prefix(2);
        return true;
      }
      if (path.size() < 2 || !in(separators_, path[1])) return false;  // `\x` starts at the drive at hand, `/c/x` is drive C to some
      path.remove_prefix(2);
      for (int i = 0; i < 2; ++i) {
        auto end = std::min(path.find_first_of(separators_), path.size());
        auto part = path.substr(0, end);
        if (part.empty() || only_dots(part) || part.find_first_of("?:$ ") != std::string_view::npos) return false;
        out.part[out.count++] = part;
        path.remove_prefix(std::min(path.size(), end + 1));
      }
      out.floor = 2;
      return out.on_server = true;
    }
    if (path.size() > 2 && is_letter(path[0]) && path[1] == ':' && in(separators_, path[2])) {
      out.part[out.count++] = path.substr(0, 2);
      out.floor = 1;
      path.remove_prefix(3);
      return true;
    }
  }
  bool scheme = scheme_first(path, separators_) && !(options_.file_server && system_ == System::Posix && colon_in_name(path, separators_));
  return !base.empty() && !scheme && read(base, {}, out);
}

// First of a path, and no one's home folder: not an account's, not `~+` and `~1` of the shell's own.
bool PathReader::tilde_in_name(std::string_view part) const {
  if (!options_.file_server || part.size() < 2 || !(is_letter(part[1]) || in("_.$", part[1]))) return false;
  auto name = part.substr(1);
  return !account(name) && name != options_.home.substr(options_.home.rfind('/') + 1);
}

bool PathReader::plain_name(std::string_view part, bool last) const {
  if (part == "~" || short_name(part)) return false;
  if (system_ == System::Windows)
    return part.back() != '.' && part.back() != ' ' && part.find(':') == std::string_view::npos && !device(part);
  // "....//" becomes "../" where "../" is deleted, and ".git." is .git on some systems; alone at the end, dots are a name.
  return part.back() != ' ' && (part.back() != '.' || (last && only_dots(part)));
}

bool PathReader::read(std::string_view path, std::string_view base, Segments& out) const {
  bool climbs = path.find("..") != std::string_view::npos;
  if (path.empty() || path.size() > 4096 || !plain_text(path, climbs) || !start(path, base, out)) return false;
  std::size_t began = out.count;
  auto end = path.find_last_not_of(separators_);
  bool ends_in_name = end + 1 == path.size();
  for (std::size_t from = 0; from <= path.size();) {
    auto separator = std::min(path.find_first_of(separators_, from), path.size());
    auto part = path.substr(from, separator - from);
    from = separator + 1;
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      if (out.count > out.floor) --out.count;
      began = std::min(began, out.count);
      continue;
    }
    if (!plain_name(part, ends_in_name && separator == path.size())) return false;
    if (part[0] == '~' && out.count <= began && (climbs || !tilde_in_name(part))) return false;  // first: somebody's home folder
    if (out.count == out.part.size()) return false;
    out.part[out.count++] = part;
  }
  return true;
}

struct Question {
  const std::vector<std::string>& roots;
  PathOptions options;
};

// Signs that some programs fold to ASCII or leave out: full-width letters, joiners, dots of other kinds.
bool folds(std::string_view name) {
  for (std::size_t at = 0; at + 2 < name.size(); ++at) {
    auto sign = name.substr(at, 3);
    if (sign.starts_with("\xef\xbc") || sign.starts_with("\xef\xbd") || sign == "\xe3\x80\x82") return true;
    if (sign.starts_with("\xe2\x80") && in("\x8c\x8d\xa4\xa5\xa6", sign[2])) return true;
  }
  return false;
}

// Letters beyond ASCII fold in more ways than one: Unclear unless the bytes are the same.
Answer same_name(std::string_view a, std::string_view b, bool ignore_case) {
  if (a == b) return Answer::Yes;
  if (folds(a)) return Answer::Unclear;
  if (!ignore_case) return Answer::No;
  if (equal_folded(a, b)) return Answer::Yes;
  return std::any_of(a.begin(), a.end(), beyond_ascii) || std::any_of(b.begin(), b.end(), beyond_ascii) ? Answer::Unclear : Answer::No;
}

Answer below(const Segments& path, std::string_view root, const Question& question) {
  bool windows = system_of(root) == System::Windows, on_server = root.starts_with("//");
  if (windows && on_server != path.on_server) return Answer::Unclear;  // a share may be a folder of this very machine
  Answer answer = Answer::Yes;
  std::size_t at = 0;
  for (std::size_t from = on_server ? 2 : windows ? 0 : 1; from < root.size(); ++at) {
    auto slash = std::min(root.find('/', from), root.size());
    if (at >= path.count) return Answer::No;
    Answer same = same_name(path.part[at], root.substr(from, slash - from), question.options.ignore_case || windows);
    if (same == Answer::No) return same;
    if (same == Answer::Unclear) answer = same;
    from = slash + 1;
  }
  return answer;
}

System system_of(const std::vector<std::string>& roots) { return roots.empty() ? System::Posix : system_of(roots.front()); }

Answer read_literally(std::string_view path, const Question& question) {
  System system = system_of(question.roots);
  Segments segments;
  if (!PathReader(system, question.options).read(path, question.options.base, segments)) return Answer::Unclear;
  Answer answer = Answer::No;
  for (const auto& root : question.roots) {
    Answer one = system_of(root) == system ? below(segments, root, question) : Answer::Unclear;
    if (one == Answer::Yes) return one;
    if (one == Answer::Unclear) answer = one;
  }
  return answer;
}

enum class Decoded : std::uint8_t { Nothing, Plain, Suspicious };

// One round of percent decoding, in place. Nobody has an honest reason to write `.` or `/` as `%2e` or `%2f`.
Decoded decode_once(char* text, std::size_t& size) {
  std::size_t to = 0;
  Decoded outcome = Decoded::Nothing;
  for (std::size_t from = 0; from < size; ++to) {
    bool escape = escape_at({text, size}, from);
    text[to] = escape ? static_cast<char>(hex_value(text[from + 1]) * 16 + hex_value(text[from + 2])) : text[from];
    from += escape ? 3 : 1;
    if (escape && outcome != Decoded::Suspicious) outcome = in("./\\~:$", text[to]) ? Decoded::Suspicious : Decoded::Plain;
  }
  size = to;
  return outcome;
}

}  // namespace

// Whoever opens the path may decode it first, and again: every reading has to come to the same answer, inside or outside.
Answer path_within(std::string_view path, const std::vector<std::string>& roots, const PathOptions& options) {
  Question question{roots, options};
  auto separators = separators_of(system_of(roots));
  if (auto rest = options.home.empty() ? std::nullopt : below_home(path, separators)) {
    if (climbs_out(*rest, separators)) return Answer::Unclear;
    path = *rest;
    question.options.base = options.home;
  }
  Answer answer = read_literally(path, question);
  if (answer == Answer::Unclear || path.find('%') == std::string_view::npos) return answer;
  for (const auto& root : roots)  // what the root itself is called is known
    if (answer == Answer::Yes && path.size() > root.size() && path.starts_with(root) && path[root.size()] == '/') {
      question.options.base = root;
      path.remove_prefix(root.size() + 1);
      break;
    }
  constexpr int kRounds = 4;
  std::array<char, 4096> text;
  std::size_t size = path.size();
  std::copy(path.begin(), path.end(), text.begin());
  for (int round = 0; round <= kRounds; ++round) {
    Decoded decoded = decode_once(text.data(), size);
    if (decoded == Decoded::Nothing) return answer;
    if (decoded == Decoded::Suspicious || read_literally({text.data(), size}, question) != answer) return Answer::Unclear;
  }
  return Answer::Unclear;
}

std::optional<std::string> canonical_root(std::string_view path) {
  bool drive = path.size() > 1 && is_letter(path[0]) && path[1] == ':', server = path.starts_with("\\\\");
  Segments segments;
  if (!PathReader(drive || server ? System::Windows : System::Posix, {}).read(path, {}, segments)) return std::nullopt;
  std::string out = server ? "/" : "";
  for (std::size_t i = 0; i < segments.count; ++i) out.append(drive && i == 0 ? "" : "/").append(segments.part[i]);
  return out.empty() ? "/" : out;
}

bool same_system(std::string_view root, std::string_view other) { return system_of(root) == system_of(other); }

}  // namespace callgate::policy
