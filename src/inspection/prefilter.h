#pragma once
// One pass over a text for all literals of all rules (Vectorscan). Says where literals end; exact confirmation is the caller's.
// Immutable and shared; each thread brings its own scratch.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

struct hs_database;
struct hs_scratch;

namespace callgate::inspection {

struct Literal {
  std::string text;
  bool caseless = false;
};

struct Hit {
  std::uint32_t literal;
  std::uint32_t end;  // offset after the last byte
};

class PrefilterScratch {
 public:
  PrefilterScratch() = default;
  ~PrefilterScratch();
  PrefilterScratch(const PrefilterScratch&) = delete;
  PrefilterScratch& operator=(const PrefilterScratch&) = delete;

 private:
  friend class Prefilter;
  hs_scratch* scratch_ = nullptr;
  std::shared_ptr<hs_database> prepared_for_;  // kept alive: its address must not come back as another database
};

class Prefilter {
 public:
  static Result<std::unique_ptr<Prefilter>> compile(const std::vector<Literal>& literals);
  // Appends hits in the order of their ends. False when more than hits_max were there, or on an internal error: not all was seen.
  bool scan(std::string_view text, PrefilterScratch& scratch, std::vector<Hit>& hits, std::size_t hits_max) const;

 private:
  explicit Prefilter(std::shared_ptr<hs_database> database) : database_(std::move(database)) {}
  std::shared_ptr<hs_database> database_;
};

}  // namespace callgate::inspection
