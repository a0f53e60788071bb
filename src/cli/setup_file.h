#pragma once
// Putting one entry into a client's configuration file without losing what is there. Inner header of cli/.

#include <string>
#include <string_view>

#include "base/result.h"
#include "config/client_setup.h"

namespace callgate::cli {

// The file's text with the entry added or replaced. JSON keeps members, order and numbers; a file with comments is refused.
// TOML gets the table appended; refused when the table is there already.
Result<std::string> merged_setup(std::string_view old_text, const config::ClientSetup& setup, std::string_view name);
// `Bearer ...` values masked, for previews.
std::string masked(std::string_view text);
// Old file kept as <file>.callgate-backup-<time>; the new one appears whole or not at all, mode kept, 0600 when new.
Result<std::string> replace_file(const std::string& path, std::string_view text,
                                 std::string_view time);  // returns the backup's path, if any

}  // namespace callgate::cli
