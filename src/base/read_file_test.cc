#include "base/read_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace callgate {
namespace {

class ReadFileTest : public testing::Test {
 protected:
  ReadFileTest() {
    std::string name = testing::TempDir() + "read_file_XXXXXX";
    folder_ = ::mkdtemp(name.data());
  }
  ~ReadFileTest() override { std::filesystem::remove_all(folder_); }
  std::string file(const std::string& text) const {
    std::ofstream(folder_ + "/file", std::ios::binary) << text;
    return folder_ + "/file";
  }
  std::string folder_;
};

TEST_F(ReadFileTest, GivesTheWholeOfASmallFile) {
  EXPECT_EQ(*read_small_file(file(""), 8), "");
  EXPECT_EQ(*read_small_file(file("12345678"), 8), "12345678");
  EXPECT_EQ(*read_small_file(file(std::string(10'000, 'x')), 10'000), std::string(10'000, 'x'));
}

TEST_F(ReadFileTest, TakesAPipe) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ASSERT_EQ(::write(ends[1], "secret", 6), 6);
  ::close(ends[1]);
  EXPECT_EQ(*read_small_file("/dev/fd/" + std::to_string(ends[0]), 64), "secret");
  ::close(ends[0]);
}

TEST_F(ReadFileTest, RefusesWhatIsNoSmallFileAndSaysWhy) {
  const auto why = [](const std::string& path) {
    auto read = read_small_file(path, 8);
    EXPECT_FALSE(read) << path;
    return read ? "" : read.error().message;
  };
  EXPECT_EQ(why(folder_), "`" + folder_ + "` is no file");
  EXPECT_EQ(why(folder_ + "/none"), "`" + folder_ + "/none` cannot be read: No such file or directory");
  EXPECT_EQ(why("/dev/zero"), "`/dev/zero` is no file");
  EXPECT_EQ(why(file("123456789")), "`" + folder_ + "/file` is larger than 8 bytes");
}

}  // namespace
}  // namespace callgate
