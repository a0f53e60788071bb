#pragma once
// Collects what is wrong with a document. Everything is reported at once, each with pointer, line and the fix.

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/policy.h"

namespace callgate::policy {

struct Node;

class Problems {
 public:
  static constexpr std::size_t kMost = 200;  // a broken document may hold many thousands; nobody reads past these

  void error(const Node& node, std::string_view pointer, std::string message) { add(node, pointer, std::move(message), false); }
  void warn(const Node& node, std::string_view pointer, std::string message) { add(node, pointer, std::move(message), true); }
  void warn_at(std::uint32_t line, std::uint32_t column, std::string_view pointer, std::string message);
  void error_at(std::uint32_t line, std::uint32_t column, std::string_view pointer, std::string message);
  bool refused() const { return errors_ != 0; }
  std::size_t errors() const { return errors_; }
  std::vector<Problem> take();  // in document order

 private:
  void add(const Node& node, std::string_view pointer, std::string message, bool warning);
  std::vector<Problem> found_;
  std::size_t errors_ = 0;
};

// pointer + "/" + escaped key (RFC 6901)
std::string child_pointer(std::string_view pointer, std::string_view key);
std::string child_pointer(std::string_view pointer, std::size_t position);

// The candidate most like `word`, or empty when none is close enough to be what was meant.
std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);
// "; did you mean `x`?" or, without a near one, "; known: a, b, c"
std::string suggestion(std::string_view word, std::span<const std::string_view> candidates);

// Text from a document, fit for a message: at most 60 bytes, control characters replaced.
std::string shown(std::string_view text);

}  // namespace callgate::policy
