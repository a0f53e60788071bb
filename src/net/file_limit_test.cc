#include "net/file_limit.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

namespace callgate::net {
namespace {

// T-72
TEST(FileLimit, KeepsTheLastDescriptorsFromSockets) {
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_FALSE(among_last(3));
  EXPECT_TRUE(among_last(static_cast<int>(std::min<rlim_t>(limit.rlim_cur, 1'000'000))));
  if (limit.rlim_cur <= 1'000'000) EXPECT_TRUE(among_last(static_cast<int>(limit.rlim_cur) - 10));
}

}  // namespace
}  // namespace callgate::net
