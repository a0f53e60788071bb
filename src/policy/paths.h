#pragma once
// What a condition reads. A path is split once at compile time; reading one neither allocates nor fails.
// Dotted (args.items.0.price) or a JSON pointer (/args/a~1b) for keys that hold dots, slashes or nothing.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "json/document.h"
#include "policy/policy.h"

namespace callgate::policy {

enum class Root : std::uint8_t {
  Element,  // the array element at hand, inside any, all and none
  Args,
  PrincipalId,
  PrincipalName,
  PrincipalKind,
  PrincipalOwner,
  GrantId,
  GrantLabel,
  GrantRole,
  ServerId,
  ServerSlug,
  ServerName,
  ToolName,
  ToolRisk,
  SessionId,
  SessionClient,
  SessionLabels,
  SessionTools,
  SessionCalls,
  TimeHour,
  TimeMinute,
  TimeWeekday,
  TimeDate,
  TimeIso,
  Reason,
};

struct Segment {
  std::string key;
  std::uint32_t index = 0;
  bool indexes = false;  // may also be an array position
};

struct Path {
  Root root = Root::Args;
  std::vector<Segment> segments;
  std::string text;  // as written

  bool from_caller() const { return root == Root::Args || root == Root::Element; }
  bool is_number() const { return root == Root::TimeHour || root == Root::TimeMinute || root == Root::SessionCalls; }
  bool is_list() const { return root == Root::SessionLabels || root == Root::SessionTools; }
  bool of_flow() const { return is_list() || root == Root::SessionCalls; }  // what went before this call
};

// Reason policy.path; the message names what is readable.
Result<Path> parse_path(std::string_view text);
// Inside any, all and none: relative to the element; "" or "." is the element itself.
Result<Path> parse_relative_path(std::string_view text);

// Reads paths of one call. Lives on the stack of one decision; the views it hands out die with it or with the Input.
class Reader {
 public:
  Reader(const Input& input, const std::vector<Path>& paths, Scratch& scratch);
  // Paths that start at a root are walked once per call; those that start at an element each time.
  const Seen& read(std::uint32_t path, json::Value element) {
    const Slot& slot = scratch_.slots[path];
    return slot.turn == scratch_.turn ? slot.seen : read_first(path, element);
  }
  static Seen see(json::Value value);

 private:
  const Seen& read_first(std::uint32_t path, json::Value element);  // paths that start at an element never fill their slot
  Seen read_time(Root root);
  Seen read_root(const Path& path);
  Seen read_flow(Root root);
  static Seen walk(json::Value value, const std::vector<Segment>& segments);
  const Input& input_;
  const std::vector<Path>& paths_;
  Scratch& scratch_;
  Seen of_element_;
  bool time_known_ = false;
  std::array<char, 20> iso_{};  // 2026-07-28T09:00:00Z
  std::uint8_t weekday_ = 0, hour_digits_ = 1, minute_digits_ = 1;
};

inline constexpr std::array<std::string_view, 7> kWeekdays{"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

}  // namespace callgate::policy
