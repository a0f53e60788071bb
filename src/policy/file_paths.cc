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

// Characters that some program turns into a separator or a dot, or that nobody sees.
bool treacherous(std::uint32_t rune) {
  if (rune < 0x20 || (rune >= 0x7f && rune < 0xa0)) return true;
  if (rune < 0x80) return false;
  if (rune >= 0xff01 && rune <= 0xff5e) return true;                                          // full-width ASCII
  if ((rune >= 0x200b && rune <= 0x200f) || (rune >= 0x202a && rune <= 0x202e)) return true;  // invisible, direction
  if ((rune >= 0x2060 && rune <= 0x206f) || rune == 0xfeff || rune == 0x00ad) return true;
  if (rune >= 0x2024 && rune <= 0x2026) return true;  // dot leaders
  if (rune >= 0x2100 && rune <= 0x2106) return true;  // a/c and its kind fold to a slash
  if (rune >= 0xfe50 && rune <= 0xfe6f) return true;  // small forms
  constexpr std::uint32_t kSlashes[] = {0x2044, 0x2215, 0x2216, 0x29f5, 0x29f8, 0x29f9, 0x3002, 0xff61, 0x2571, 0x2572, 0x223c};
  return std::find(std::begin(kSlashes), std::end(kSlashes), rune) != std::end(kSlashes) || (rune >= 0xe0000 && rune <= 0xe0fff);
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

// `$` that no shell expands: nothing follows that could be a name, a bracket or a parameter.
bool idle_dollar(std::string_view path, std::size_t at) { return at + 1 == path.size() || in("/., )]=+", path[at + 1]); }

// %NAME% as Windows expands it, beginning at `at`.
bool variable(std::string_view path, std::size_t at) {
  auto end = at + 1;
  while (end < path.size() && (name_char(path[end]) || in("():", path[end]))) ++end;
  return end > at + 1 && end < path.size() && path[end] == '%';
}

enum class System : std::uint8_t { Posix, Windows };

// A canonical root says by its form whose it is: `C:/x` and `//server/share/x` are Windows.
System system_of(std::string_view root) {
  return (root.size() > 1 && root[1] == ':') || root.starts_with("//") ? System::Windows : System::Posix;
}

struct Segments {
  std::array<std::string_view, 128> part;
  std::size_t count = 0;
  std::size_t floor = 0;   // what `..` does not go above: a drive, a share
  bool on_server = false;  // \\server\share
};

class PathReader {
 public:
  explicit PathReader(System system) : system_(system), separators_(system == System::Windows ? "/\\" : "/") {}
  // False when unclear.
  bool read(std::string_view path, std::string_view base, Segments& out) const;

 private:
  bool plain_text(std::string_view path) const;
  bool start(std::string_view& path, std::string_view base, Segments& out) const;
  bool plain_name(std::string_view part, bool last) const;
  System system_;
  std::string_view separators_;
};

bool PathReader::plain_text(std::string_view path) const {
  bool windows = system_ == System::Windows;
  for (std::size_t at = 0; at < path.size();) {
    auto [rune, size] = next_rune(path.substr(at));
    if (size == 0 || treacherous(rune)) return false;
    char c = path[at];
    if (c == '$' && !idle_dollar(path, at)) return false;
    if (c == '%' && at + 1 < path.size() && in("%uU", path[at + 1])) return false;
    if (c == '%' && (windows || at == 0) && variable(path, at)) return false;
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
  return !base.empty() && !scheme_first(path, separators_) && read(base, {}, out);
}

bool PathReader::plain_name(std::string_view part, bool last) const {
  if (part == "~" || short_name(part)) return false;
  if (system_ == System::Windows)
    return part.back() != '.' && part.back() != ' ' && part.find(':') == std::string_view::npos && !device(part);
  // "....//" becomes "../" where "../" is deleted, and ".git." is .git on some systems; alone at the end, dots are a name.
  return part.back() != ' ' && (part.back() != '.' || (last && only_dots(part)));
}

bool PathReader::read(std::string_view path, std::string_view base, Segments& out) const {
  if (path.empty() || path.size() > 4096 || !plain_text(path) || !start(path, base, out)) return false;
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
    if (part[0] == '~' && out.count <= began) return false;  // first: somebody's home folder
    if (out.count == out.part.size()) return false;
    out.part[out.count++] = part;
  }
  return true;
}

struct Question {
  const std::vector<std::string>& roots;
  std::string_view base;
  bool ignore_case;
};

// Letters beyond ASCII fold in more ways than one: Unclear unless the bytes are the same.
Answer same_name(std::string_view a, std::string_view b, bool ignore_case) {
  if (a == b) return Answer::Yes;
  if (!ignore_case) return Answer::No;
  if (equal_folded(a, b)) return Answer::Yes;
  auto beyond = [](char c) { return static_cast<unsigned char>(c) >= 0x80; };
  return std::any_of(a.begin(), a.end(), beyond) || std::any_of(b.begin(), b.end(), beyond) ? Answer::Unclear : Answer::No;
}

Answer below(const Segments& path, std::string_view root, const Question& question) {
  bool windows = system_of(root) == System::Windows, on_server = root.starts_with("//");
  if (windows && on_server != path.on_server) return Answer::Unclear;  // a share may be a folder of this very machine
  Answer answer = Answer::Yes;
  std::size_t at = 0;
  for (std::size_t from = on_server ? 2 : windows ? 0 : 1; from < root.size(); ++at) {
    auto slash = std::min(root.find('/', from), root.size());
    if (at >= path.count) return Answer::No;
    Answer same = same_name(path.part[at], root.substr(from, slash - from), question.ignore_case || windows);
    if (same == Answer::No) return same;
    if (same == Answer::Unclear) answer = same;
    from = slash + 1;
  }
  return answer;
}

Answer read_literally(std::string_view path, const Question& question) {
  System system = question.roots.empty() ? System::Posix : system_of(question.roots.front());
  Segments segments;
  if (!PathReader(system).read(path, question.base, segments)) return Answer::Unclear;
  Answer answer = Answer::No;
  for (const auto& root : question.roots) {
    Answer one = system_of(root) == system ? below(segments, root, question) : Answer::Unclear;
    if (one == Answer::Yes) return one;
    if (one == Answer::Unclear) answer = one;
  }
  return answer;
}

bool escape_at(std::string_view text, std::size_t at) {
  return text[at] == '%' && at + 2 < text.size() && is_hex(text[at + 1]) && is_hex(text[at + 2]);
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
Answer path_within(std::string_view path, const std::vector<std::string>& roots, std::string_view base, bool ignore_case) {
  Question question{roots, base, ignore_case};
  Answer answer = read_literally(path, question);
  if (answer == Answer::Unclear || path.find('%') == std::string_view::npos) return answer;
  for (const auto& root : roots)  // what the root itself is called is known
    if (answer == Answer::Yes && path.size() > root.size() && path.starts_with(root) && path[root.size()] == '/') {
      question.base = root;
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
  if (!PathReader(drive || server ? System::Windows : System::Posix).read(path, {}, segments)) return std::nullopt;
  std::string out = server ? "/" : "";
  for (std::size_t i = 0; i < segments.count; ++i) out.append(drive && i == 0 ? "" : "/").append(segments.part[i]);
  return out.empty() ? "/" : out;
}

bool same_system(std::string_view root, std::string_view other) { return system_of(root) == system_of(other); }

}  // namespace callgate::policy
