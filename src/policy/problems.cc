#include "policy/problems.h"

#include <algorithm>

#include "policy/document.h"

namespace callgate::policy {
namespace {

// Edit distance with transpositions of neighbours; stops to count past `limit`.
std::size_t distance(std::string_view a, std::string_view b, std::size_t limit) {
  if (a.size() > 64 || b.size() > 64) return limit + 1;
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      std::size_t change = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before.swap(last);
    last.swap(row);
  }
  return last[b.size()];
}

}  // namespace

void Problems::add(const Node& node, std::string_view pointer, std::string message, bool warning) {
  if (!warning) ++errors_;
  if (found_.size() < kMost) found_.push_back({std::string(pointer), node.line, node.column, std::move(message), warning});
}

void Problems::error_at(std::uint32_t line, std::uint32_t column, std::string_view pointer, std::string message) {
  ++errors_;
  if (found_.size() < kMost) found_.push_back({std::string(pointer), line, column, std::move(message), false});
}

void Problems::warn_at(std::uint32_t line, std::uint32_t column, std::string_view pointer, std::string message) {
  if (found_.size() < kMost) found_.push_back({std::string(pointer), line, column, std::move(message), true});
}

std::vector<Problem> Problems::take() {
  std::stable_sort(found_.begin(), found_.end(),
                   [](const Problem& a, const Problem& b) { return std::pair(a.line, a.column) < std::pair(b.line, b.column); });
  return std::move(found_);
}

std::string child_pointer(std::string_view pointer, std::string_view key) {
  std::string out(pointer);
  out += '/';
  for (char c : key) {
    if (c == '~') out += "~0";
    else if (c == '/') out += "~1";
    else out += c;
  }
  return out;
}

std::string child_pointer(std::string_view pointer, std::size_t position) { return std::string(pointer) + '/' + std::to_string(position); }

std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates) {
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (auto candidate : candidates) {
    auto d = distance(word, candidate, best_distance);
    if (d < best_distance) best = candidate, best_distance = d;
  }
  return best;
}

std::string suggestion(std::string_view word, std::span<const std::string_view> candidates) {
  if (auto near = nearest(word, candidates); !near.empty()) return "; did you mean `" + std::string(near) + "`?";
  std::string out = "; known: ";
  for (std::size_t i = 0; i < candidates.size(); ++i) out += (i ? ", " : "") + std::string(candidates[i]);
  return out;
}

std::string shown(std::string_view text) {
  std::size_t size = std::min<std::size_t>(text.size(), 60);
  while (size < text.size() && size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) --size;
  std::string out(text.substr(0, size));
  for (char& c : out)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  if (size < text.size()) out += "...";
  return out;
}

std::string format_problems(std::span<const Problem> problems, std::string_view file) {
  std::string out;
  for (const auto& problem : problems) {
    out += file;
    out += ':' + std::to_string(problem.line) + ':' + std::to_string(problem.column);
    out += problem.warning ? ": warning: " : ": error: ";
    out += problem.message;
    out += " (" + (problem.pointer.empty() ? std::string("/") : problem.pointer) + ")\n";
  }
  return out;
}

}  // namespace callgate::policy
