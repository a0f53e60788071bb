#include "net/file_limit.h"

#include <sys/resource.h>

namespace callgate::net {
namespace {

constexpr rlim_t kReserve = 64;

int first_reserved() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > 1'000'000) return 1'000'000;
  return limit.rlim_cur > 2 * kReserve ? static_cast<int>(limit.rlim_cur - kReserve) : static_cast<int>(limit.rlim_cur / 2);
}

}  // namespace

bool among_last(int fd) {
  static const int line = first_reserved();  // the limit is raised once, before the first socket
  return fd >= line;
}

}  // namespace callgate::net
