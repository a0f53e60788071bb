#pragma once
// A file that somebody named or keeps settings in, whole and into memory, when it is small: also a certificate, a secret.

#include <cstddef>
#include <string>

#include "base/result.h"

namespace callgate {

// A regular file or a pipe, for secrets come by `<(...)`. InvalidArgument file.unreadable; the message begins with the path and
// holds nothing of the content. No more than `most` bytes are taken in, whatever is behind the name.
Result<std::string> read_small_file(const std::string& path, std::size_t most);

}  // namespace callgate
