#pragma once
// The supervisor's program (inside/init.cc), carried in this library as bytes.

#include "base/result.h"
#include "sandbox/descriptor.h"

namespace callgate::sandbox {

Result<Descriptor> inside_image();  // a fresh memory file, positioned at its start; may be executed

}  // namespace callgate::sandbox
