#pragma once
// What every storage engine must do alike. An engine's test file instantiates the suite:
//   INSTANTIATE_TEST_SUITE_P(Sqlite, DatabaseConformance, ::testing::Values(Engine{"file", open_a_fresh_one}));

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

#include "store/database.h"

namespace callgate::store::testing {

struct Engine {
  std::string name;
  // An empty database. `keep` holds whatever must outlive it, such as a folder.
  std::function<std::unique_ptr<Database>(std::shared_ptr<void>& keep)> open;
};
inline void PrintTo(const Engine& engine, std::ostream* out) { *out << engine.name; }

class DatabaseConformance : public ::testing::TestWithParam<Engine> {
 protected:
  void SetUp() override {
    database_ = GetParam().open(keep_);
    ASSERT_NE(database_, nullptr);
  }
  void create_table();
  std::int64_t count(std::string_view sql);

  std::shared_ptr<void> keep_;
  std::unique_ptr<Database> database_;
};

}  // namespace callgate::store::testing
