#include "model/captured.h"

#include <charconv>

namespace callgate {
namespace {

constexpr std::string_view kSecret = "<secret>", kCut = "[redacted:";

bool masked(std::string_view text) { return text.find(kSecret) != std::string_view::npos || text.find(kCut) != std::string_view::npos; }

// "<array, 3 elements>"
bool counted(std::string_view text, std::string_view before, std::string_view behind, std::uint64_t& size) {
  if (!text.starts_with(before) || !text.ends_with(behind) || text.size() <= before.size() + behind.size()) return false;
  text.remove_prefix(before.size());
  text.remove_suffix(behind.size());
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

Captured read_captured(std::string_view text) {
  using Kind = Captured::Kind;
  if (text.size() < 6 || (text.find('<') == std::string_view::npos && text.find('[') == std::string_view::npos)) return {};
  Captured out;
  if (text == kSecret || text == "<null>") return {Kind::Anything};
  if (text == "<number>") return {Kind::Number};
  if (text == "<boolean>") return {Kind::Boolean};
  if (counted(text, "<string, ", " bytes>", out.size)) return {Kind::Text, out.size};
  if (counted(text, "<number, ", " digits>", out.size)) return {Kind::Number};
  if (counted(text, "<array, ", " elements>", out.size)) return {Kind::List, out.size};
  return masked(text) ? Captured{Kind::Text} : Captured{};
}

bool captured_whole(json::Value value) {
  if (value.is_string()) return read_captured(value.string()).known();
  bool whole = true;
  value.for_each_member([&](std::string_view name, json::Value member) { whole = whole && !masked(name) && captured_whole(member); });
  value.for_each_element([&](json::Value element) { whole = whole && captured_whole(element); });
  return whole;
}

bool hides_names(json::Value object) {
  bool hidden = false;
  object.for_each_member([&](std::string_view name, json::Value) { hidden = hidden || masked(name); });
  return hidden;
}

bool left_out(json::Value arguments) {
  return arguments.is_object() && arguments.size() == 1 && (arguments["cut_bytes"].exists() || arguments["not_kept"].exists());
}

}  // namespace callgate
