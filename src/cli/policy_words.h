#pragma once
// What the commands about policies share. Inner header of cli/.

#include <string>

namespace callgate::cli {

// A name is a stored policy; anything that looks like a path, or is a file here, is a file.
bool is_policy_file(const std::string& word);

}  // namespace callgate::cli
