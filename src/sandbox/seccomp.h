#pragma once
// The system calls a confined server may not make. A deny list: ways out of the namespaces, kernel surface that no server needs, files
// that would carry rights out of the sandbox. Everything else of Node, Python and compiled programs works.

#include <string>

#include "base/result.h"
#include "sandbox/descriptor.h"

namespace callgate::sandbox {

// A memory file holding the filter as bubblewrap reads it, positioned at its start.
Result<Descriptor> seccomp_filter();

}  // namespace callgate::sandbox
