#pragma once
// What a tool is, as one digest (T-47): name, title, description, inputSchema, outputSchema and annotations, in this order, each with its
// length, members of objects sorted by name. The order in which a server happens to write members does not matter; any other change does.

#include "base/crypto.h"
#include "json/document.h"

namespace callgate::upstream {

Digest fingerprint(const json::Value& tool);                 // one entry of tools/list
Digest fingerprint_without_output(const json::Value& tool);  // for lists an older client gets without it

}  // namespace callgate::upstream
