#pragma once
// Reading domain values out of checked bodies; shared by the resources and by plan/apply. Inner header of admin/.

#include <optional>
#include <string>
#include <vector>

#include "admin/route.h"

namespace callgate::admin {

std::vector<FieldRule> server_fields();
std::vector<FieldRule> role_fields();
std::vector<FieldRule> grant_fields();

// Takes over the members that are present, leaves the rest of `into` alone.
Result<void> read_server(json::Value body, Server& into);
Result<std::vector<catalog::HeaderValue>> read_headers(json::Value body);
// Adds a server with its pin, or not at all: what a probe sees afterwards is judged by that pin.
struct ServerParts {
  const std::vector<catalog::HeaderValue>&headers, &secrets;
  std::optional<catalog::Pin> pin;
};
Result<Server> add_pinned(catalog::CatalogStore& catalog, const Server& server, const ServerParts& parts);
// Which of its tools may be used: nothing when the body does not say. InvalidArgument admin.pin.
FieldRule pin_field();
Result<std::optional<catalog::Pin>> read_pin(json::Value body);
std::vector<FieldRule> command_fields();
Result<void> read_command(json::Value body, Server& into);  // part of read_server
std::vector<catalog::HeaderValue> read_secrets(json::Value body);
bool names_command(json::Value body);  // something of a command is being set
// A command is code that runs on this machine: who may name one from where, and whether it is pinned.
// Forbidden admin.command_remote, InvalidArgument sandbox.unpinned.
Result<void> check_command_allowed(Context& context, const Server& server, json::Value body);
Result<Role> read_role(std::string_view name, json::Value body);
// Everything of a grant but its servers and lifetime.
Result<void> read_grant(json::Value body, Grant& into);
// Ids for ids or slugs; "*" stays.
Result<std::vector<std::string>> server_ids(Services& services, const std::vector<std::string>& names);

// InvalidArgument admin.unknown_reference when a named thing does not exist; an empty name is fine.
Result<void> check_policy_exists(Services& services, std::string_view name);
Result<void> check_role_exists(Services& services, std::string_view name);
tl::unexpected<Error> unknown_reference(std::string_view kind, std::string_view name);

// {"setup":[{"server","url","client","form","text","user_file","project_file","group","entry"}]} for one client, or all.
Result<Reply> setup_reply(Context& context, const std::vector<Server>& servers, std::string_view token);
Result<void> write_setup(json::Writer& out, Context& context, const std::vector<Server>& servers, std::string_view token,
                         std::string_view client);
// The servers a grant reaches; at most `max` of them.
Result<std::vector<Server>> servers_of(Services& services, const Grant& grant, std::size_t max);

}  // namespace callgate::admin
