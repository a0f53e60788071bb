#pragma once
// Approved definitions of tools beside what servers show now (T-47). A tool is served only while the two are the same; what is new or
// changed is held until somebody approves it. A definition that comes back as it was approved is served again.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "model/entities.h"
#include "model/part.h"
#include "risk/risk.h"

namespace callgate::catalog {

// Which of a server's tools may be used: whatever it shows, what was approved (its first list counts as approved), only what a person
// approved. Default: as the installation says.
enum class Pin : std::uint8_t { Default, Off, FirstSight, Strict };

enum class Standing : std::uint8_t { Approved, New, Changed, Rejected };
std::string_view standing_name(Standing standing);  // approved, new, changed, rejected
std::string_view pin_name(Pin pin);                 // default, off, first_sight, strict
std::optional<Pin> parse_pin(std::string_view name);

// What the installation says where a server says nothing, and which changes need no person. Neither lets a wider schema, new instructions,
// hidden characters or a claim to be harmless pass.
struct PinRules {
  Pin pin = Pin::FirstSight;
  bool accept_annotations = false;  // changes of annotations and titles only
  double accept_wording_below = 0;  // changes of descriptions only, below this danger (0 to 1)
};

// A tool, or another part of what a server shows.
struct PinnedTool {
  PartKind kind = PartKind::Tool;
  Tool seen;  // as the last probe saw it
  Standing standing = Standing::New;
  bool served = false;      // listed and callable, as far as pins go
  std::string pinned_json;  // what was approved; empty: nothing
  std::string decided_by, reason;
  WallTime decided_at{};
  risk::Class risk = risk::Class::Financial;
  bool risk_set = false;  // by the operator, not told from the definition
};

// What one probe told; of parts only the kinds named are known.
struct Seen {
  std::vector<Tool> tools;
  std::vector<Part> parts;
  std::vector<PartKind> kinds;
  Eras eras;
};

// What a look at a server found.
struct Sighting {
  bool changed = false;               // another list than before
  std::vector<std::string> held;      // held from now on
  std::vector<std::string> accepted;  // changed, and approved by rule
};

struct Decision {
  std::string fingerprint;  // hex; of the definition the decision is about; empty: of whatever is there now
  std::string by, reason;
};

}  // namespace callgate::catalog
