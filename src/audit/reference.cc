#include "audit/reference.h"

#include <charconv>
#include <cstring>

namespace callgate::audit {

namespace {

constexpr std::string_view kBegin = "{\"like\":[", kEnd = "],";

// The number at the front of `text`, and the character behind it; both are taken off.
template <class T> bool take(std::string_view& text, T& number, char behind) {
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec != std::errc() || parsed.ptr == text.data() + text.size() || *parsed.ptr != behind) return false;
  text.remove_prefix(static_cast<std::size_t>(parsed.ptr - text.data()) + 1);
  return true;
}

}  // namespace

char* put_reference(char* at, const Reference& reference) {
  std::memcpy(at, kBegin.data(), kBegin.size());
  at = std::to_chars(at + kBegin.size(), at + kReferenceRoom, reference.back).ptr;
  *at++ = ',';
  at = std::to_chars(at, at + 16, reference.bytes).ptr;
  std::memcpy(at, kEnd.data(), kEnd.size());
  return at + kEnd.size();
}

bool has_reference(std::string_view payload) { return payload.starts_with(kBegin); }

std::size_t read_reference(std::string_view payload, Reference& reference) {
  if (!has_reference(payload)) return 0;
  std::string_view rest = payload.substr(kBegin.size());
  if (!take(rest, reference.back, ',') || !take(rest, reference.bytes, ']') || !rest.starts_with(kEnd.substr(1))) return 0;
  return payload.size() - rest.size() + 1;
}

bool restore(std::string_view payload, std::size_t member_bytes, std::uint32_t bytes, std::string_view other, std::string& record) {
  constexpr std::string_view time = "\"time\":\"";
  const std::string_view own = payload.substr(member_bytes);  // all but the opening brace
  if (!own.starts_with(time) || own.size() < kTimeMemberBytes) return false;
  if (!other.starts_with('{') || !other.substr(1).starts_with(time) || other.size() < 1 + kTimeMemberBytes) return false;
  other.remove_prefix(1 + kTimeMemberBytes);
  if (bytes == 0 || bytes > other.size() || other.front() != ',') return false;
  record.clear();
  record.reserve(1 + own.size() + bytes);
  record += '{';
  record.append(own.substr(0, kTimeMemberBytes)).append(other.substr(0, bytes)).append(own.substr(kTimeMemberBytes));
  return true;
}

}  // namespace callgate::audit
