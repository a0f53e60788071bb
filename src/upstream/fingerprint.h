#pragma once
// What a tool is, as one digest (T-47): name, title, description, inputSchema, outputSchema and annotations, in this order, each with its
// length, members of objects sorted by name. The order in which a server happens to write members does not matter; any other change does.

#include "base/crypto.h"
#include "json/document.h"
#include "model/part.h"

namespace callgate::upstream {

Digest fingerprint(const json::Value& tool);                 // one entry of tools/list
Digest fingerprint_without_output(const json::Value& tool);  // for lists an older client gets without it

// Of an entry of prompts/list or resources/templates/list: what a model or a client reads of it.
Digest fingerprint(PartKind kind, const json::Value& entry);
Digest fingerprint_of_instructions(std::string_view text);

}  // namespace callgate::upstream
