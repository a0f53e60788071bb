#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "policy/policy.h"

namespace callgate::policy {
namespace {

constexpr int kEditsMax = 2'000;  // beyond this the middle is shown as replaced: memory grows with the square
constexpr std::size_t kContext = 3;

struct Edit {
  char kind;  // ' ', '-', '+'
  std::string_view line;
};

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    auto end = text.find('\n');
    out.push_back(text.substr(0, end == std::string_view::npos ? end : end + 1));
    text.remove_prefix(out.back().size());
  }
  return out;
}

using Lines = std::vector<std::string_view>;

// Myers' greedy algorithm: the shortest script of removals and additions from a to b.
std::vector<Edit> shortest_edits(const Lines& a, const Lines& b) {
  int n = static_cast<int>(a.size()), m = static_cast<int>(b.size());
  int most = std::min(n + m, kEditsMax);
  std::vector<std::vector<int>> history;
  std::vector<int> reach(static_cast<std::size_t>(2 * most + 3), 0);
  auto at = [&](std::vector<int>& v, int k) -> int& { return v[static_cast<std::size_t>(k + most + 1)]; };
  int edits = -1;
  for (int d = 0; d <= most && edits < 0; ++d) {
    history.push_back(std::vector<int>(reach.begin() + (most + 1 - d), reach.begin() + (most + 2 + d)));  // -d..d
    for (int k = -d; k <= d; k += 2) {
      int x = k == -d || (k != d && at(reach, k - 1) < at(reach, k + 1)) ? at(reach, k + 1) : at(reach, k - 1) + 1;
      int y = x - k;
      while (x < n && y < m && a[static_cast<std::size_t>(x)] == b[static_cast<std::size_t>(y)]) ++x, ++y;
      at(reach, k) = x;
      if (x >= n && y >= m) {
        edits = d;
        break;
      }
    }
  }
  std::vector<Edit> out;
  if (edits < 0) {
    for (auto line : a) out.push_back({'-', line});
    for (auto line : b) out.push_back({'+', line});
    return out;
  }
  int x = n, y = m;
  for (int d = edits; d > 0; --d) {
    const auto& before = history[static_cast<std::size_t>(d)];  // the state before round d, diagonals -d..d
    auto value = [&](int k) { return before[static_cast<std::size_t>(k + d)]; };
    int k = x - y;
    bool down = k == -d || (k != d && value(k - 1) < value(k + 1));
    int from = down ? value(k + 1) : value(k - 1);
    int from_y = from - (down ? k + 1 : k - 1);
    int mid = down ? from : from + 1;
    while (x > mid) out.push_back({' ', a[static_cast<std::size_t>(--x)]}), --y;
    if (down) out.push_back({'+', b[static_cast<std::size_t>(from_y)]});
    else out.push_back({'-', a[static_cast<std::size_t>(from)]});
    x = from;
    y = from_y;
  }
  while (x > 0) out.push_back({' ', a[static_cast<std::size_t>(--x)]});
  std::reverse(out.begin(), out.end());
  return out;
}

std::string range(std::size_t begin, std::size_t count) {
  return std::to_string(count == 0 ? begin : begin + 1) + (count == 1 ? "" : "," + std::to_string(count));
}

void append_line(std::string& out, const Edit& edit) {
  out += edit.kind;
  out += edit.line;
  if (!edit.line.ends_with('\n')) out += "\n\\ No newline at end of file\n";
}

}  // namespace

std::string diff(std::string_view old_text, std::string_view new_text) {
  if (old_text == new_text) return "";
  Lines a = lines_of(old_text), b = lines_of(new_text);
  std::size_t head = 0, tail = 0;
  while (head < a.size() && head < b.size() && a[head] == b[head]) ++head;
  while (tail < a.size() - head && tail < b.size() - head && a[a.size() - 1 - tail] == b[b.size() - 1 - tail]) ++tail;
  std::vector<Edit> edits;
  for (std::size_t i = 0; i < head; ++i) edits.push_back({' ', a[i]});
  auto middle = shortest_edits(Lines(a.begin() + static_cast<std::ptrdiff_t>(head), a.end() - static_cast<std::ptrdiff_t>(tail)),
                               Lines(b.begin() + static_cast<std::ptrdiff_t>(head), b.end() - static_cast<std::ptrdiff_t>(tail)));
  edits.insert(edits.end(), middle.begin(), middle.end());
  for (std::size_t i = a.size() - tail; i < a.size(); ++i) edits.push_back({' ', a[i]});

  std::string out = "--- old\n+++ new\n";
  std::size_t old_line = 0, new_line = 0;
  for (std::size_t i = 0; i < edits.size();) {
    if (edits[i].kind == ' ') {
      bool near = false;
      for (std::size_t j = i; j < edits.size() && j <= i + kContext; ++j) near = near || edits[j].kind != ' ';
      if (!near) {
        ++i, ++old_line, ++new_line;
        continue;
      }
    }
    std::size_t end = i, quiet = 0;  // a hunk ends after more than twice the context without a change
    for (std::size_t j = i; j < edits.size() && quiet <= 2 * kContext; ++j) {
      quiet = edits[j].kind == ' ' ? quiet + 1 : 0;
      if (quiet == 0) end = j + 1;
    }
    end = std::min(edits.size(), end + kContext);
    std::size_t removed = 0, added = 0;
    std::string body;
    for (std::size_t j = i; j < end; ++j) {
      removed += edits[j].kind != '+';
      added += edits[j].kind != '-';
      append_line(body, edits[j]);
    }
    out += "@@ -" + range(old_line, removed) + " +" + range(new_line, added) + " @@\n" + body;
    old_line += removed;
    new_line += added;
    i = end;
  }
  return out;
}

}  // namespace callgate::policy
