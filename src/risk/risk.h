#pragma once
// What a tool could do at worst, told from its definition alone: names, descriptions, parameters. What a server says of its own tool in
// annotations may raise the class and never lowers it. Nothing that says what a tool does: the highest class. Pure: no I/O, no clock.
// A class is a reason to ask or to hold; whoever operates the gate may set another one (catalog).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "json/document.h"

namespace callgate::risk {

// In rising order.
enum class Class : std::uint8_t { Read, Write, Execute, Destructive, Financial };
enum class Severity : std::uint8_t { Low, Medium, High, Critical };  // by how hard it is to undo

std::string_view class_name(Class risk);  // read, write, execute, destructive, financial
std::optional<Class> parse_class(std::string_view name);
std::string_view severity_name(Severity severity);
Severity severity_of(Class risk);

struct Evidence {
  std::string where;  // JSON pointer into the definition
  std::string what;   // the word, or what its absence means; cleaned for a screen
  Class says = Class::Read;
};

struct Classification {
  Class risk = Class::Financial;
  Severity severity = Severity::Critical;
  bool known = false;              // false: nothing in the definition says what the tool does
  std::vector<Evidence> evidence;  // what weighs most first
  bool mutates() const { return risk != Class::Read; }
};

// One entry of tools/list.
Classification classify(json::Value definition);

}  // namespace callgate::risk
