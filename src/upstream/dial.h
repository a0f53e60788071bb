#pragma once
// The few socket calls of the way out that net/ does not wrap: a non-blocking connect to one judged address, and a look at an idle socket.
// Inner header of upstream/.

#include <cstdint>
#include <string>

#include "base/result.h"
#include "model/network.h"

namespace callgate::upstream {

// Starts to connect; the descriptor becomes writable when it is done. detail holds the system's reason on failure.
Result<int> dial(const IpAddress& address, std::uint16_t port);
// After it became writable: 0, or the errno of the failed connect.
int dial_result(int fd);
// True when an idle socket is still open and nothing waits to be read.
bool quiet(int fd);

}  // namespace callgate::upstream
