#pragma once
// One recorded decision as an entry of a document's `tests` block, so that it stays as it was, or becomes what it should have been.

#include "backtest/scene.h"

namespace callgate::backtest {

struct TestEntry {
  std::string text;       // one line, JSON or YAML, as the document it is for
  bool full = false;      // who called, and when, is part of it: the policy reads that
  std::string disagrees;  // what the document says instead; empty: the test passes
};

struct TestWish {
  std::string document;  // into which the entry is to fit
  std::string policy;    // its name
  std::string expect;    // allow | deny | ask; empty: as it was decided
};

// As short as reproduces the decision. Refused with backtest.not_captured when the record does not hold all of the arguments, and with
// backtest.not_decided when no policy decided. Values that were reduced never become part of a test.
Result<TestEntry> test_entry(const RecordedCall& call, const Scene& scene, const TestWish& wish);

}  // namespace callgate::backtest
