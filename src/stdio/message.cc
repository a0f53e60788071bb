#include "stdio/message.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/assert.h"

namespace callgate::stdio {

void append_replaced(std::string& out, json::Value whole, std::initializer_list<Replacement> replacements) {
  std::array<Replacement, 4> sorted{};
  CG_ASSERT(replacements.size() <= sorted.size());
  const auto end =
      std::copy_if(replacements.begin(), replacements.end(), sorted.begin(), [](const auto& one) { return one.value.exists(); });
  std::sort(sorted.begin(), end, [](const auto& a, const auto& b) { return a.value.raw().data() < b.value.raw().data(); });
  const std::string_view bytes = whole.raw();
  std::size_t at = 0;
  for (auto one = sorted.begin(); one != end; ++one) {
    const std::string_view old = one->value.raw();
    const auto begin = static_cast<std::size_t>(old.data() - bytes.data());
    CG_ASSERT(begin >= at && begin + old.size() <= bytes.size());
    out.append(bytes.substr(at, begin - at)).append(one->with);
    at = begin + old.size();
  }
  out.append(bytes.substr(at));
}

std::optional<std::int64_t> own_number(json::Value value) {
  const std::string_view text = value.is_number() ? value.number() : value.string();
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || number <= 0) return std::nullopt;
  return number;
}

void append_result(std::string& out, std::string_view id, std::string_view result) {
  out.append(R"({"jsonrpc":"2.0","id":)").append(id).append(R"(,"result":)").append(result).append("}");
}

}  // namespace callgate::stdio
