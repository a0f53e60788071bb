#pragma once
// RE2 for this room, so that its header stays in one file. Linear time whatever the text; never a backtracking engine.

#include <memory>
#include <string_view>

namespace callgate::inspection {

struct Span {
  std::uint32_t begin = 0, end = 0;
  std::uint32_t size() const { return end - begin; }
};

class Regex {
 public:
  // Ends the process when the pattern does not compile: patterns are ours.
  explicit Regex(std::string_view pattern);
  ~Regex();
  Regex(Regex&&) noexcept;
  Regex& operator=(Regex&&) noexcept;

  // Leftmost match within [begin, end) of the text; `group` (may be null) is the first capture, or the whole match when it took no part.
  bool search(std::string_view text, std::size_t begin, std::size_t end, Span& match, Span* group = nullptr) const;
  bool full(std::string_view text) const;

 private:
  struct Compiled;
  std::unique_ptr<Compiled> compiled_;
};

}  // namespace callgate::inspection
