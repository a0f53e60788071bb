#include "store/private_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "store/testing/temporary_folder.h"

namespace callgate::store {
namespace {

using testing::TemporaryFolder;

TEST(PrivateFile, IsReadableByItsOwnerOnly) {
  TemporaryFolder folder;
  std::string path = folder.file("a.key");
  mode_t before = ::umask(0);
  ASSERT_TRUE(create_private_file(path, Secret("content")));
  ::umask(before);
  EXPECT_EQ(testing::mode_of(path), 0600u);
  auto read = read_private_file(path);
  ASSERT_TRUE(read && *read);
  EXPECT_EQ((*read)->reveal(), "content");
  ASSERT_TRUE(replace_private_file(path, Secret("other")));
  EXPECT_EQ(testing::mode_of(path), 0600u);
  EXPECT_EQ(testing::read_bytes(path), "other");
}

TEST(PrivateFile, IsNeverOverwrittenByCreate) {
  TemporaryFolder folder;
  std::string path = folder.file("a.key");
  ASSERT_TRUE(create_private_file(path, Secret("first")));
  auto second = create_private_file(path, Secret("second"));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().reason, "store.file_exists");
  EXPECT_EQ(testing::read_bytes(path), "first");
  EXPECT_EQ(read_or_create_private_file(path, Secret("third"))->reveal(), "first");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1) << "no temporary file is left";
}

// T-68
TEST(PrivateFile, IsRefusedWhenOthersCanReadIt) {
  TemporaryFolder folder;
  std::string path = folder.file("a.key");
  for (mode_t mode : {0640u, 0604u, 0660u, 0602u, 0644u, 0777u}) {
    testing::write_bytes(path, "content");
    ASSERT_EQ(::chmod(path.c_str(), mode), 0);
    auto read = read_private_file(path);
    ASSERT_FALSE(read) << mode;
    EXPECT_EQ(read.error().reason, "store.file_mode");
    EXPECT_FALSE(read_or_create_private_file(path, Secret("new")));
  }
}

TEST(PrivateFile, IsRefusedWhenItIsNoFile) {
  TemporaryFolder folder;
  EXPECT_FALSE(read_private_file(folder.path()));
  auto missing = read_private_file(folder.file("missing"));
  ASSERT_TRUE(missing);
  EXPECT_FALSE(*missing);
  EXPECT_FALSE(create_private_file(folder.file("no/such/folder.key"), Secret("x")));
  std::string large = folder.file("large.key");
  testing::write_bytes(large, std::string(70'000, 'x'));
  ::chmod(large.c_str(), 0600);
  EXPECT_FALSE(read_private_file(large));
}

}  // namespace
}  // namespace callgate::store
