#pragma once
// The blocking server of net/testing under this room's name.

#include "net/testing/thread_server.h"

namespace callgate::upstream {

using net::SeenRequest;
using net::ThreadServer;

}  // namespace callgate::upstream
