#include "base/write_at.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace callgate {
namespace {

TEST(WriteAt, WritesWholeAtItsPlaceAndSaysWhatWentWrong) {
  std::string name = ::testing::TempDir() + "callgate_write_XXXXXX";
  const int fd = ::mkstemp(name.data());
  ASSERT_GE(fd, 0);
  EXPECT_EQ(write_at(fd, "0123456789", 0), 0);
  EXPECT_EQ(write_at(fd, "abc", 4), 0);
  EXPECT_EQ(write_at(fd, "", 99), 0);
  char back[16] = {};
  EXPECT_EQ(::pread(fd, back, sizeof back, 0), 10);
  EXPECT_STREQ(back, "0123abc789");
  ::close(fd);
  EXPECT_EQ(write_at(fd, "x", 0), EBADF);
  const int reading = ::open(name.c_str(), O_RDONLY | O_CLOEXEC);
  EXPECT_EQ(write_at(reading, "x", 0), EBADF);
  ::close(reading);
  if (const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC); full >= 0) {
    EXPECT_EQ(write_at(full, "x", 0), ENOSPC);
    ::close(full);
  }
  ::unlink(name.c_str());
}

}  // namespace
}  // namespace callgate
