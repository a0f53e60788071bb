#include "sandbox/inside_image.h"

#include <string_view>

extern "C" {
extern const char _binary_callgate_inside_start[];  // NOLINT: the linker's names
extern const char _binary_callgate_inside_end[];    // NOLINT
}

namespace callgate::sandbox {

Result<Descriptor> inside_image() {
  const std::string_view bytes(_binary_callgate_inside_start,
                               static_cast<std::size_t>(_binary_callgate_inside_end - _binary_callgate_inside_start));
  return memory_file("callgate-supervisor", bytes, true);
}

}  // namespace callgate::sandbox
