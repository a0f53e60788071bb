#pragma once
// Small files that hold keys (token.key, vault.key) and the database file itself: readable by their owner only, never half written.
// A file that others can read is refused, not repaired: whoever could read it may have done so. Any thread.

#include <optional>
#include <string>

#include "base/result.h"
#include "base/secret.h"

namespace callgate::store {

// Nothing when there is no such file. Refuses (Forbidden store.file_mode) anything that is not a regular file, is not ours,
// or that group or others may touch; refuses (Unavailable store.file) what cannot be read or exceeds 64 KiB.
Result<std::optional<Secret>> read_private_file(const std::string& path);

// Creates the file with mode 0600 and all of `content`, durable, or nothing at all. Conflict store.file_exists when it exists.
Result<void> create_private_file(const std::string& path, const Secret& content);

// The same, but replaces what is there in one step.
Result<void> replace_private_file(const std::string& path, const Secret& content);

// read_private_file, or create with what `fresh` holds; when two processes race, both end up with the same content.
Result<Secret> read_or_create_private_file(const std::string& path, const Secret& fresh);

}  // namespace callgate::store
