#pragma once
// Small changes to a document's text that leave everything else in it, comments included, as it was. Pure; reason policy.edit.
// What comes out still has to be compiled and tested by whoever stores it.

#include <string>
#include <string_view>

#include "base/result.h"

namespace callgate::policy {

// `mode: shadow` becomes `mode: enforce`: of the rule or limit at `pointer`, or of the document when it is empty.
Result<std::string> promoted(std::string_view text, std::string_view pointer);

// The document with one more entry in its `tests`. `entry` is JSON or YAML on one line.
Result<std::string> with_test(std::string_view text, std::string_view entry);

bool is_json_text(std::string_view text);

}  // namespace callgate::policy
