#include "inspection/regex.h"

#include <re2/re2.h>

#include "base/assert.h"

namespace callgate::inspection {

struct Regex::Compiled {
  explicit Compiled(std::string_view pattern) : re2(re2::StringPiece(pattern.data(), pattern.size()), options()) {}
  static RE2::Options options() {
    RE2::Options made;
    made.set_log_errors(true);
    made.set_max_mem(4 << 20);
    return made;
  }
  RE2 re2;
};

Regex::Regex(std::string_view pattern) : compiled_(std::make_unique<Compiled>(pattern)) { CG_ASSERT(compiled_->re2.ok()); }
Regex::~Regex() = default;
Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;

bool Regex::search(std::string_view text, std::size_t begin, std::size_t end, Span& match, Span* group) const {
  re2::StringPiece found[2];
  int wanted = group ? std::min(2, compiled_->re2.NumberOfCapturingGroups() + 1) : 1;
  if (!compiled_->re2.Match({text.data(), text.size()}, begin, std::min(end, text.size()), RE2::UNANCHORED, found, wanted)) return false;
  auto at = [&](const re2::StringPiece& piece) {
    auto from = static_cast<std::uint32_t>(piece.data() - text.data());
    return Span{from, from + static_cast<std::uint32_t>(piece.size())};
  };
  match = at(found[0]);
  if (group) *group = wanted == 2 && found[1].data() ? at(found[1]) : match;
  return true;
}

bool Regex::full(std::string_view text) const { return RE2::FullMatch({text.data(), text.size()}, compiled_->re2); }

}  // namespace callgate::inspection
