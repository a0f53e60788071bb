#include "base/read_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace callgate {
namespace {

struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

}  // namespace

Result<std::string> read_small_file(const std::string& path, std::size_t most) {
  const auto unreadable = [&](const std::string& why) {
    return fail(Code::InvalidArgument, "file.unreadable", "`" + path.substr(0, 200) + "` " + why);
  };
  const auto failed = [&] { return unreadable("cannot be read: " + std::generic_category().message(errno)); };
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY)};
  struct stat info {};
  if (file.fd < 0 || ::fstat(file.fd, &info) != 0) return failed();
  if (!S_ISREG(info.st_mode) && !S_ISFIFO(info.st_mode)) return unreadable("is no file");
  std::string text;
  char buffer[4'096];
  while (text.size() <= most) {
    const ssize_t got = ::read(file.fd, buffer, std::min(sizeof buffer, most + 1 - text.size()));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed();
    if (got == 0) return text;
    text.append(buffer, static_cast<std::size_t>(got));
  }
  return unreadable("is larger than " + std::to_string(most) + " bytes");
}

}  // namespace callgate
