#include "bridge/bridge.h"

#include <gtest/gtest.h>

namespace callgate::bridge {
namespace {

TEST(Bridge, IsNeededOnlyWhereTheErasDiffer) {
  Server server;
  EXPECT_FALSE(Bridge::needed(server, true)) << "never probed: the client's era is mirrored";
  server.eras.legacy = true;
  EXPECT_TRUE(Bridge::needed(server, true));
  EXPECT_FALSE(Bridge::needed(server, false));
  server.eras = {false, true};
  EXPECT_FALSE(Bridge::needed(server, true));
  EXPECT_TRUE(Bridge::needed(server, false));
  server.eras.legacy = true;
  EXPECT_FALSE(Bridge::needed(server, true));
  EXPECT_FALSE(Bridge::needed(server, false));
}

}  // namespace
}  // namespace callgate::bridge
