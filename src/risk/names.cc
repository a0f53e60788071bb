#include "risk/names.h"

#include <algorithm>
#include <array>
#include <tuple>
#include <unordered_map>

#include "inspection/hidden.h"

namespace callgate::risk {
namespace {

constexpr std::size_t kFlagsMax = 1'000;
constexpr std::size_t kDistanceBytesMin = 7;  // shorter names are alike by chance
constexpr std::size_t kMentionBytesMin = 6;
constexpr std::size_t kSameMax = 16;  // tools compared with one another under one key

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
bool name_char(char c) { return lower(c) >= 'a' ? lower(c) <= 'z' : (c >= '0' && c <= '9') || c == '_' || c == '-'; }

// What a quick look leaves of a name: no case, no separators, no hidden characters, look-alikes as one letter.
std::string skeleton(std::string_view name) {
  std::string out;
  for (std::size_t i = 0; i < name.size();) {
    const auto [code, bytes] = inspection::character_at(name, i);
    const bool plain = static_cast<unsigned char>(name[i]) < 0x80;
    if (char ascii = lower(plain ? name[i] : inspection::looks_like(code))) {
      if (ascii == '0') ascii = 'o';
      if (ascii == '1' || ascii == 'i') ascii = 'l';
      if (ascii != '_' && ascii != '-' && ascii != '.' && ascii != ' ' && ascii != '/') out.push_back(ascii);
    } else if (!inspection::hidden_character(code)) {
      out.append(name.substr(i, bytes));
    }
    i += bytes;
  }
  for (std::size_t at = 0; (at = out.find("rn", at)) != std::string::npos;) out.replace(at, 2, "m");
  return out;
}

// Singular and plural, and numbered variants, are different tools, not imitations.
bool ordinary_difference(std::string_view a, std::string_view b) {
  if (a.size() > b.size()) std::swap(a, b);
  if (b.size() == a.size() + 1 && b.back() == 's' && b.starts_with(a)) return true;
  const auto digits = [](std::string_view text) {
    return std::count_if(text.begin(), text.end(), [](char c) { return c >= '2' && c <= '9'; });
  };
  return digits(a) + digits(b) > 0;
}

class Flags {
 public:
  explicit Flags(std::span<const NamedTool> tools) : tools_(tools.first(std::min(tools.size(), kNamesMax))) {}
  std::vector<NameFlag> run();

 private:
  using Index = std::unordered_map<std::string, std::vector<std::uint32_t>>;
  void both(NameFlagKind kind, std::uint32_t a, std::uint32_t b) {
    one(kind, a, b);
    one(kind, b, a);
  }
  void one(NameFlagKind kind, std::uint32_t a, std::uint32_t b) {
    if (out_.size() < kFlagsMax * 4)
      out_.push_back(
          {kind, std::string(tools_[a].server), std::string(tools_[a].name), std::string(tools_[b].server), std::string(tools_[b].name)});
  }
  void alike();
  void close();
  void mentions();
  std::span<const NamedTool> tools_;
  std::vector<std::string> skeletons_;
  std::vector<NameFlag> out_;
};

void Flags::alike() {
  Index by;
  for (std::uint32_t i = 0; i < tools_.size(); ++i) {
    skeletons_.push_back(skeleton(tools_[i].name));
    auto& same = by[skeletons_.back()];
    if (same.size() >= kSameMax) continue;
    for (std::uint32_t other : same) {
      bool equal = tools_[other].name == tools_[i].name;
      if (!equal) both(NameFlagKind::Confusable, i, other);
      else if (tools_[other].server != tools_[i].server) both(NameFlagKind::Duplicate, i, other);
    }
    same.push_back(i);
  }
}

// One letter more, less or other: names that meet after one letter is taken out of each.
void Flags::close() {
  Index by;
  for (std::uint32_t i = 0; i < tools_.size(); ++i) {
    const std::string& whole = skeletons_[i];
    if (whole.size() < kDistanceBytesMin || whole.size() > 64) continue;
    std::vector<std::uint32_t> met;
    for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
      std::string key = whole;
      if (cut < whole.size()) key.erase(cut, 1);
      if (cut > 0 && cut < whole.size() && whole[cut] == whole[cut - 1]) continue;
      auto& same = by[std::move(key)];
      for (std::uint32_t other : same) met.push_back(other);
      if (same.size() < kSameMax) same.push_back(i);
    }
    std::sort(met.begin(), met.end());
    met.erase(std::unique(met.begin(), met.end()), met.end());
    for (std::uint32_t other : met)
      if (other != i && tools_[other].server != tools_[i].server && skeletons_[other] != whole &&
          !ordinary_difference(skeletons_[other], whole))
        both(NameFlagKind::Confusable, i, other);
  }
}

void Flags::mentions() {
  std::unordered_map<std::string_view, std::vector<std::uint32_t>> by_name;
  for (std::uint32_t i = 0; i < tools_.size(); ++i) {
    std::string_view name = tools_[i].name;
    bool telling =
        name.find_first_of("_-") != name.npos || std::any_of(name.begin() + 1, name.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
    if (name.size() >= kMentionBytesMin && telling) by_name[name].push_back(i);
  }
  for (std::uint32_t i = 0; i < tools_.size(); ++i) {
    std::string_view text = tools_[i].text;
    std::vector<std::uint32_t> told;
    for (std::size_t at = 0; at < text.size();) {
      std::size_t end = at;
      while (end < text.size() && name_char(text[end])) ++end;
      auto found = by_name.find(text.substr(at, end - at));
      at = end + 1;
      if (found == by_name.end()) continue;
      bool own = std::any_of(found->second.begin(), found->second.end(),
                             [&](std::uint32_t other) { return tools_[other].server == tools_[i].server; });
      if (!own) told.push_back(found->second.front());
    }
    std::sort(told.begin(), told.end());
    told.erase(std::unique(told.begin(), told.end()), told.end());
    for (std::uint32_t other : told) one(NameFlagKind::Refers, i, other);
  }
}

std::vector<NameFlag> Flags::run() {
  alike();
  close();
  mentions();
  const auto key = [](const NameFlag& flag) { return std::tie(flag.server, flag.tool, flag.kind, flag.other_server, flag.other_tool); };
  std::sort(out_.begin(), out_.end(), [&](const NameFlag& a, const NameFlag& b) { return key(a) < key(b); });
  out_.erase(std::unique(out_.begin(), out_.end(), [&](const NameFlag& a, const NameFlag& b) { return key(a) == key(b); }), out_.end());
  if (out_.size() > kFlagsMax) out_.resize(kFlagsMax);
  return std::move(out_);
}

}  // namespace

std::string_view name_flag_kind(NameFlagKind kind) {
  constexpr std::array<std::string_view, 3> kNames{"duplicate", "confusable", "refers"};
  return kNames[static_cast<std::size_t>(kind)];
}

std::vector<NameFlag> name_flags(std::span<const NamedTool> tools) { return Flags(tools).run(); }

}  // namespace callgate::risk
