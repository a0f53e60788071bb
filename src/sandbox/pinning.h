#pragma once
// Refuses commands that fetch whatever is newest at each start (npx x, uvx x, image:latest): what was reviewed must be what runs.

#include <string>
#include <vector>

#include "base/result.h"

namespace callgate::sandbox {

// Errors: InvalidArgument sandbox.unpinned, with the fix in the message. Commands that fetch nothing pass.
Result<void> check_pinned(const std::vector<std::string>& argv);
Result<void> check_image_pinned(const std::string& image);  // a digest, or a tag that carries a version
Result<void> check_image_digest(const std::string& image);  // a digest: tags can be moved

}  // namespace callgate::sandbox
