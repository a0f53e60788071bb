#include "sandbox/descriptor.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace callgate::sandbox {

void Descriptor::reset(int fd) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

std::string errno_text(int number) { return std::generic_category().message(number); }

Result<Descriptor> memory_file(const char* name, std::string_view content, bool executable) {
  constexpr unsigned kExecutable = 0x10;  // MFD_EXEC; kernels before 6.3 do not know it and need nothing said
  Descriptor file;
  if (executable) file.reset(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | kExecutable));
  if (!file.open()) file.reset(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file.open())
    return fail(Code::Unavailable, "sandbox.start", "cannot make a memory file: raise the limit of open files", errno_text(errno));
  for (std::size_t at = 0; at < content.size();) {
    const ssize_t wrote = ::write(file.get(), content.data() + at, content.size() - at);
    if (wrote <= 0) return fail(Code::Unavailable, "sandbox.start", "cannot write a memory file: free some memory", errno_text(errno));
    at += static_cast<std::size_t>(wrote);
  }
  if (::lseek(file.get(), 0, SEEK_SET) != 0 ||
      ::fcntl(file.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0) {
    return fail(Code::Unavailable, "sandbox.start", "cannot seal a memory file", errno_text(errno));
  }
  return file;
}

}  // namespace callgate::sandbox
