#pragma once
// YAML files into JSON text, with references to secrets resolved here, on the machine that holds them. Inner header of cli/.

#include <string>
#include <string_view>

#include "base/result.h"

namespace callgate::cli {

// Plain true, false, null and JSON numbers keep their type; everything else is text. Refuses duplicate keys and anything past 4 MiB.
// ${env:NAME} and ${file:PATH} in texts are replaced; anything else that looks like a reference is an error.
Result<std::string> yaml_to_json(std::string_view yaml, const std::string& file_name);

}  // namespace callgate::cli
