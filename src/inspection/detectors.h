#pragma once
// The steps of a scan, one function each; workspace.cc calls them in order. Internal to this room.

#include <string>
#include <string_view>
#include <vector>

#include "inspection/workspace.h"

namespace callgate::inspection {

// A literal was seen: is the whole thing there?
void confirm(Workspace& work, const Trigger& trigger, std::uint32_t literal_end, std::uint32_t literal_size);
void confirm_token(Workspace& work, const Token& token, std::uint32_t literal_end);
void confirm_named(Workspace& work, const Named& named, std::uint32_t literal_end, std::uint32_t literal_size);
void confirm_name(Workspace& work, std::uint32_t begin, std::uint32_t end);  // password, token, ...
void confirm_private_key(Workspace& work, std::uint32_t literal_end);
void confirm_jwt(Workspace& work, std::uint32_t literal_end);
void confirm_userinfo(Workspace& work, std::uint32_t literal_end);  // scheme://user:password@host
void confirm_header(Workspace& work, std::uint32_t literal_end);    // Authorization: ..., curl -u ...

void find_personal(Workspace& work);
void find_hidden(Workspace& work);  // characters a person does not see

// For a screen: control and invisible characters as \u{...}, cut to `bytes_max`.
std::string show_text(std::string_view text, std::size_t bytes_max);

// What stands behind a name: `= "value"`, `: value`, `">value<`. The value without its quotes.
struct Assigned {
  Extent value;
  bool quoted = false;
  Extent tail;  // what followed the name before the operator
};
bool parse_assigned(std::string_view text, std::size_t at, Assigned& out);

}  // namespace callgate::inspection
