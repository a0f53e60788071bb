#pragma once
// What the sets of evaluate.cc share: counting, and one JSON line per set and class.

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "json/document.h"

namespace callgate::bench {

struct Counts {
  std::size_t hit = 0, missed = 0, alarm = 0, quiet = 0;
};

class Table {
 public:
  explicit Table(bool tell) : tell_(tell) {}
  void add(const std::string& name, bool positive, bool flagged);
  void score(const std::string& name, bool positive, double score);  // for the area under the curve
  void miss(json::Value row, bool positive, std::string_view what) const;
  bool tells() const { return tell_; }
  void print(std::string_view set) const;

 private:
  bool tell_;  // misses are printed too
  std::map<std::string, Counts> classes_;
  std::map<std::string, std::vector<std::pair<double, bool>>> scores_;
};

using Judge = std::function<void(json::Value row, Table& table)>;
struct Set {
  const char* name;  // for --misses
  const char* file;  // below the folder
  Judge judge;
};

std::vector<Set> text_sets();
std::vector<Set> tool_sets();

std::string family(std::string_view name);                            // up to the colon
std::string definition_of(json::Value row, bool with_hints = false);  // a tools/list entry

}  // namespace callgate::bench
