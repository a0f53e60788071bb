#pragma once
// Marks the texts of an answer as data, so that a model can tell them from what its user says (spotlighting, T05). A help for the model and
// no boundary: nothing is decided by it. Pure. The mark is random for each call, so what is between two of them cannot close it early.

#include <string>
#include <string_view>

#include "json/document.h"

namespace callgate::gateway {

// `result` of tools/call, resources/read or prompts/get with its texts between marks; empty: it holds none.
// Structured content stays as it is.
std::string spotlighted(json::Value result, std::string_view mark);

}  // namespace callgate::gateway
