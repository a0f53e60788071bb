#pragma once
// One call with everything a policy may look at, for tests. Owns what Input only points to.

#include <string>
#include <string_view>

#include "json/document.h"
#include "policy/policy.h"

namespace callgate::policy::testing {

struct Call {
  explicit Call(std::string_view tool, std::string_view arguments = "{}");

  Principal principal;
  Grant grant;
  Server server;
  json::Document document;
  Input input;
};

// The policy, or a failed test that shows the problems.
std::shared_ptr<const Policy> compiled(std::string_view text);
// The problems of a document, as format_problems writes them, with the file name `p`.
std::string problems_of(std::string_view text);
// A document with `tools: {t: {<layer>: [{conditions: [<condition>]}]}}`
std::string document_with(std::string_view layer, std::string_view condition, std::string_view rule_fields = "");
Effect effect_of(const Policy& policy, std::string_view tool, std::string_view arguments);
std::string rule_of(const Policy& policy, std::string_view tool, std::string_view arguments);
std::string read_file(const std::string& path);

}  // namespace callgate::policy::testing
