#pragma once
// How one connection authenticated last: the same header on the next request need not be hashed again while nothing changed.

#include <memory>
#include <string>

#include "base/secret.h"
#include "gateway/snapshot.h"

namespace callgate::gateway {

struct AuthMemo {
  Secret header;
  IpAddress remote;
  std::string remote_text;
  std::shared_ptr<const Snapshot> snapshot;
  const identity::GrantEntry* caller = nullptr;
  WallTime good_until{}, noted_at{};
};

}  // namespace callgate::gateway
