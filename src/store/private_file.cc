#include "store/private_file.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/crypto.h"

namespace callgate::store {
namespace {

constexpr std::size_t kBytesMax = 64 * 1024;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  bool ok() const { return fd_ >= 0; }

 private:
  int fd_;
};

tl::unexpected<Error> broken(const std::string& path, std::string_view verb, int error) {
  return fail(Code::Unavailable, "store.file", fmt::format("cannot {} `{}`: {}", verb, path, std::strerror(error)));
}

Result<void> check_private(const std::string& path, int fd) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) return broken(path, "look at", errno);
  if (!S_ISREG(info.st_mode))
    return fail(Code::Forbidden, "store.file_mode", fmt::format("`{}` is not a regular file: move it away", path));
  if (info.st_uid != ::geteuid())
    return fail(Code::Forbidden, "store.file_mode", fmt::format("`{}` belongs to another user: run as its owner or chown it", path));
  if ((info.st_mode & 077) != 0)
    return fail(Code::Forbidden, "store.file_mode",
                fmt::format("`{}` has mode {:04o}, so others can read the key: make a new key, or chmod 600 it if nobody could have", path,
                            info.st_mode & 07777));
  return {};
}

Result<void> write_all(const std::string& path, int fd, std::string_view content) {
  while (!content.empty()) {
    ssize_t count = ::write(fd, content.data(), content.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return broken(path, "write", count < 0 ? errno : ENOSPC);
    content.remove_prefix(static_cast<std::size_t>(count));
  }
  if (::fsync(fd) != 0) return broken(path, "write", errno);
  return {};
}

void sync_folder_of(const std::string& path) {
  auto slash = path.rfind('/');
  Descriptor folder(::open(slash == std::string::npos ? "." : path.substr(0, slash + 1).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.ok()) static_cast<void>(::fsync(folder.get()));  // some file systems cannot: the content itself is synced
}

// Writes a temporary neighbour and hands its name to `place`; the neighbour is gone afterwards.
template <class Place> Result<void> write_beside(const std::string& path, const Secret& content, Place&& place) {
  std::string temporary = path + ".new-" + random_token(8);
  Result<void> written;
  {
    Descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file.ok()) return broken(path, "create", errno);
    written = write_all(path, file.get(), content.reveal());
  }
  if (written) written = place(temporary);
  ::unlink(temporary.c_str());
  if (written) sync_folder_of(path);
  return written;
}

}  // namespace

Result<std::optional<Secret>> read_private_file(const std::string& path) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.ok()) {
    if (errno == ENOENT) return std::optional<Secret>();
    return broken(path, "open", errno);
  }
  CG_CHECK(check_private(path, file.get()));
  std::string content(kBytesMax + 1, '\0');
  std::size_t size = 0;
  while (size < content.size()) {
    ssize_t count = ::read(file.get(), content.data() + size, content.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return broken(path, "read", errno);
    if (count == 0) break;
    size += static_cast<std::size_t>(count);
  }
  Secret whole(std::move(content));
  if (size > kBytesMax) return fail(Code::Unavailable, "store.file", fmt::format("`{}` is too large for a key file", path));
  return std::optional<Secret>(Secret(std::string(whole.reveal().substr(0, size))));
}

Result<void> create_private_file(const std::string& path, const Secret& content) {
  return write_beside(path, content, [&](const std::string& temporary) -> Result<void> {
    if (::link(temporary.c_str(), path.c_str()) == 0) return {};  // unlike rename, never replaces
    if (errno == EEXIST) return fail(Code::Conflict, "store.file_exists", fmt::format("`{}` exists already", path));
    return broken(path, "create", errno);
  });
}

Result<void> replace_private_file(const std::string& path, const Secret& content) {
  return write_beside(path, content, [&](const std::string& temporary) -> Result<void> {
    if (::rename(temporary.c_str(), path.c_str()) == 0) return {};
    return broken(path, "replace", errno);
  });
}

Result<Secret> read_or_create_private_file(const std::string& path, const Secret& fresh) {
  CG_TRY(auto found, read_private_file(path));
  if (!found) {
    auto created = create_private_file(path, fresh);
    if (created) return fresh;
    if (created.error().code != Code::Conflict) return tl::unexpected<Error>(std::move(created).error());
    CG_TRY(found, read_private_file(path));
  }
  if (!found) return fail(Code::Unavailable, "store.file", fmt::format("`{}` vanished while it was being read", path));
  return std::move(*found);
}

}  // namespace callgate::store
