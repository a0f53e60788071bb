// Servers, grants and removals of a bundle.
#include "admin/bundle.h"
#include "admin/parse.h"
#include "admin/reply.h"

namespace callgate::admin {
namespace {

std::string joined(std::vector<std::string> texts) {
  std::sort(texts.begin(), texts.end());
  std::string out;
  for (const auto& text : texts) out += (out.empty() ? "" : ", ") + text;
  return out;
}

// In their order, as a person would type them.
std::string words(const std::vector<std::string>& texts) {
  std::string out;
  for (const auto& text : texts) {
    const bool plain = !text.empty() && text.find_first_of(" \t\n'\"\\") == std::string::npos;
    out += (out.empty() ? "" : " ") + (plain ? text : "'" + text + "'");
  }
  return out;
}

std::string_view yes(bool value) { return value ? "true" : "false"; }

std::vector<std::pair<std::string, std::string>> describe(const Server& s) {
  return {{"name", s.name},
          {"url", s.kind == ServerKind::Http ? s.url.text() : std::string()},
          {"transport", s.eras.events ? "sse" : "http"},
          {"command", words(s.command.argv)},
          {"environment", words(s.command.environment)},
          {"secret_environment", joined(s.command.secret_names)},
          {"workspace", s.command.workspace + (s.command.workspace_access == Mount::ReadWrite ? ":rw" : ":ro")},
          {"readable", joined(s.command.readable)},
          {"network", joined(s.command.network)},
          {"image", s.command.image},
          {"shared", std::string(yes(s.command.shared))},
          {"confined", std::string(yes(s.command.confined))},
          {"memory_bytes_max", std::to_string(s.command.memory_bytes_max)},
          {"processes_max", std::to_string(s.command.processes_max)},
          {"cpu_seconds_max", std::to_string(s.command.cpu_seconds_max.count())},
          {"policy", s.policy},
          {"capture", std::string(capture_name(s.capture))},
          {"labels", joined(s.labels)},
          {"disabled", std::string(yes(s.disabled))},
          {"allow_private", std::string(yes(s.allow_private))},
          {"tls_verify", std::string(yes(s.tls_verify))},
          {"tls_ca_pem", s.tls_ca_pem.empty() ? "(none)" : "(set, " + std::to_string(s.tls_ca_pem.size()) + " bytes)"},
          {"connect_timeout_ms", std::to_string(s.connect_timeout.count())},
          {"call_timeout_ms", std::to_string(s.call_timeout.count())},
          {"response_bytes_max", std::to_string(s.response_bytes_max)},
          {"headers", joined(s.header_names)}};
}

std::vector<std::pair<std::string, std::string>> describe(const Grant& g) {
  std::vector<std::string> networks;
  for (const auto& network : g.networks) networks.push_back(network.text());
  return {{"servers", joined(g.servers)},
          {"policy", g.policy},
          {"role", g.role},
          {"networks", joined(networks)},
          {"deny_as", std::string(deny_as_name(g.deny_as))},
          {"note", g.note}};
}

// Header lines back into a set, to restore exactly what was sealed before a failed apply. Stays inside the process.
std::vector<catalog::HeaderValue> split_headers(const vault::Credentials& credentials) {
  std::vector<catalog::HeaderValue> headers;
  std::string_view lines = credentials.header_lines().reveal();
  while (!lines.empty()) {
    auto end = lines.find("\r\n");
    auto line = lines.substr(0, end);
    if (auto colon = line.find(": "); colon != std::string_view::npos)
      headers.push_back({std::string(line.substr(0, colon)), Secret(std::string(line.substr(colon + 2)))});
    lines = end == std::string_view::npos ? std::string_view() : lines.substr(end + 2);
  }
  return headers;
}

std::vector<catalog::HeaderValue> split_environment(const vault::Credentials& credentials) {
  std::vector<catalog::HeaderValue> secrets;
  for (std::string_view rest = credentials.environment().reveal(); !rest.empty();) {
    const std::string_view one = rest.substr(0, rest.find('\0'));
    const std::size_t equals = one.find('=');
    secrets.push_back({std::string(one.substr(0, equals)), Secret(std::string(one.substr(equals + 1)))});
    rest.remove_prefix(std::min(rest.size(), one.size() + 1));
  }
  return secrets;
}

}  // namespace

void Bundle::plan_servers() {
  auto rules = server_fields();
  for (auto& rule : rules) rule.required = rule.name == "name" || rule.name == "slug";
  rules.push_back(pin_field());
  each("servers", "slug", rules, [this](json::Value item, const std::string& slug) { plan_server(item, slug); });
  if (!prunes("servers"))
    for (const auto& [slug, server] : servers_)
      if (!wanted_["servers"].contains(slug)) uses_["server " + slug] = {server.policy, ""};
}

void Bundle::plan_server(json::Value item, const std::string& slug) {
  std::string where = "server " + slug;
  Server wanted;
  if (auto read = read_server(item, wanted); !read) return problem(where, read.error().message);
  auto headers = read_headers(item);
  if (!headers) return problem(where, headers.error().message);
  for (const auto& header : *headers) wanted.header_names.push_back(header.name);
  auto secrets = read_secrets(item);
  for (const auto& secret : secrets) wanted.command.secret_names.push_back(secret.name);
  auto pin = read_pin(item);
  if (!pin) return problem(where, pin.error().message);
  if (auto checked = catalog::check_server(wanted); !checked) return problem(where, checked.error().message);
  if (!wanted.policy.empty() && !will_have("policies", wanted.policy)) return problem(where, "there is no policy `" + wanted.policy + "`");
  uses_[where] = {wanted.policy, ""};
  auto present = servers_.find(slug);
  const auto allowed = check_command_allowed(context_, wanted, item);
  if (present == servers_.end()) {
    if (!allowed) return problem(where, allowed.error().message);
    return add_server_step(wanted, item, *pin);
  }
  if (present->second.kind != wanted.kind)
    return problem(where, "it cannot change between a URL and a command: give the new one another slug");
  wanted.id = present->second.id;
  wanted.version = present->second.version;
  wanted.created_at = present->second.created_at;
  if (!item["transport"].exists()) wanted.eras.events = present->second.eras.events;  // as the probe saw it
  ServerEdit edit{wanted, present->second, *pin, {}};
  auto lines = differences(describe(present->second), describe(wanted));
  if (*pin) {
    auto before = services_.catalog.pin(wanted.id);
    if (!before) return problem(where, before.error().message);
    edit.pin_present = *before;
    if (*before != **pin)
      lines.push_back("pin: " + std::string(catalog::pin_name(*before)) + " -> " + std::string(catalog::pin_name(**pin)));
  }
  if (lines.empty() && !(headers->empty() && secrets.empty()) && flag_of(body_, "refresh_secrets", false))
    lines.push_back("credentials: values written again");
  if (lines.empty()) return;
  if (!allowed) return problem(where, allowed.error().message);
  edit_server_step(edit, item, std::move(lines));
}

void Bundle::add_server_step(const Server& wanted, json::Value item, Pin pin) {
  std::vector<std::string> lines = {wanted.kind == ServerKind::Http ? "url: " + wanted.url.text()
                                                                    : "command: " + words(wanted.command.argv)};
  if (pin) lines.push_back("pin: " + std::string(catalog::pin_name(*pin)));
  step(Change::Add, "server", wanted.slug, std::move(lines), [this, wanted, item, pin]() -> Result<Undo> {
    CG_TRY(auto headers, read_headers(item));
    const auto secrets = read_secrets(item);
    CG_TRY(auto added, add_pinned(services_.catalog, wanted, {headers, secrets, pin}));
    probe_.push_back(added);
    return Undo([this, id = added.id] { (void)services_.catalog.remove_server(id); });
  });
}

void Bundle::edit_server_step(const ServerEdit& edit, json::Value item, std::vector<std::string> lines) {
  step(Change::Edit, "server", edit.wanted.slug, std::move(lines), [this, edit, item]() -> Result<Undo> {
    CG_TRY(auto headers, read_headers(item));
    CG_TRY(auto old_credentials, services_.catalog.credentials(edit.present.id));
    const auto pin_back = [this, edit] {
      if (edit.pin_present) (void)services_.catalog.set_pin(edit.present.id, *edit.pin_present);
    };
    if (edit.pin) CG_CHECK(services_.catalog.set_pin(edit.present.id, *edit.pin));
    auto updated = services_.catalog.update_server(edit.wanted, headers, read_secrets(item));
    if (!updated) {
      pin_back();
      return tl::unexpected<Error>(updated.error());
    }
    probe_.push_back(*updated);
    return Undo([this, pin_back, old_credentials, present = edit.present, version = updated->version] {
      Server back = present;
      back.version = version;
      (void)services_.catalog.update_server(back, split_headers(old_credentials), split_environment(old_credentials));
      pin_back();
    });
  });
}

void Bundle::plan_grants() {
  auto rules = grant_fields();
  for (auto& rule : rules) rule.required = rule.name == "label" || rule.name == "servers";
  rules.push_back({"principal", Shape::Text, true, "user or robot"});
  rules.push_back({"expires_in", Shape::Text, false, "lifetime when it is minted"});
  each("grants", "label", rules, [this](json::Value item, const std::string& label) { plan_grant(item, label); });
  if (!prunes("grants"))
    for (const auto& [label, grant] : grants_)
      if (!wanted_["grants"].contains(label)) uses_["grant " + label] = {grant.policy, grant.role};
}

void Bundle::plan_grant(json::Value item, const std::string& label) {
  std::string where = "grant " + label;
  Grant wanted;
  if (auto read = read_grant(item, wanted); !read) return problem(where, read.error().message);
  wanted.servers = texts_of(item, "servers");
  if (wanted.servers.empty()) return problem(where, "`servers` must name at least one server, or [\"*\"]");
  for (const auto& slug : wanted.servers)
    if (slug != "*" && !will_have("servers", slug)) return problem(where, "there is no server `" + slug + "`");
  if (!wanted.policy.empty() && !will_have("policies", wanted.policy)) return problem(where, "there is no policy `" + wanted.policy + "`");
  if (!wanted.role.empty() && !will_have("roles", wanted.role)) return problem(where, "there is no role `" + wanted.role + "`");
  std::string principal = text_of(item, "principal");
  if (!will_have("users", principal) && !will_have("robots", principal))
    return problem(where, "there is no user or robot `" + principal + "`");
  auto lifetime = duration_of(item, "expires_in");
  if (!lifetime) return problem(where, lifetime.error().message);
  uses_[where] = {wanted.policy, wanted.role};
  auto present = grants_.find(label);
  if (present == grants_.end()) return mint_step(wanted, principal, lifetime->value_or(std::chrono::seconds(0)), lifetime->has_value());
  Grant before = present->second;
  for (const auto* all : {&users_, &robots_})
    for (const auto& [name, holder] : *all)
      if (holder.id == before.principal_id && name != principal)
        return problem(where, "it belongs to `" + name + "`; a grant does not change hands, so use another label");
  for (auto& id : before.servers)  // ids into slugs, as the bundle writes them
    for (const auto& [slug, server] : servers_)
      if (server.id == id) id = slug;
  auto lines = differences(describe(before), describe(wanted));
  if (!lines.empty()) edit_grant_step(wanted, present->second, std::move(lines));
}

void Bundle::mint_step(const Grant& wanted, const std::string& principal, std::chrono::seconds lifetime, bool lifetime_given) {
  step(Change::Add, "grant", wanted.label, {"principal: " + principal, "servers: " + joined(wanted.servers)},
       [this, wanted, principal, lifetime, lifetime_given]() -> Result<Undo> {
         CG_TRY(auto holder, services_.identity.principal(principal));
         identity::NewGrant grant;
         grant.label = wanted.label;
         grant.principal_id = holder.id;
         grant.policy = wanted.policy;
         grant.role = wanted.role;
         grant.note = wanted.note;
         grant.networks = wanted.networks;
         grant.deny_as = wanted.deny_as;
         if (lifetime_given) grant.lifetime = lifetime;
         CG_TRY(grant.servers, server_ids(services_, wanted.servers));
         CG_TRY(auto minted, services_.identity.mint(grant));
         std::string id = minted.grant.id;
         minted_.push_back(std::move(minted));
         return Undo([this, id] {
           (void)services_.identity.revoke(id, "apply failed");
           std::erase_if(minted_, [&](const auto& one) { return one.grant.id == id; });
         });
       });
}

void Bundle::edit_grant_step(const Grant& wanted, const Grant& present, std::vector<std::string> lines) {
  step(Change::Edit, "grant", wanted.label, std::move(lines), [this, wanted, present]() -> Result<Undo> {
    Grant target = present;
    target.policy = wanted.policy;
    target.role = wanted.role;
    target.networks = wanted.networks;
    target.deny_as = wanted.deny_as;
    target.note = wanted.note;
    CG_TRY(target.servers, server_ids(services_, wanted.servers));
    CG_TRY(auto updated, services_.identity.update_grant(target));
    return Undo([this, present, version = updated.version] {
      Grant back = present;
      back.version = version;
      (void)services_.identity.update_grant(back);
    });
  });
}

void Bundle::check_removed(std::string_view kind, const std::string& name, const std::string& user, const std::string& used) {
  if (used == name) problem(std::string(kind) + " " + name, user + " still uses it; change that first or keep it listed");
}

void Bundle::plan_removals() {
  auto remove = [this](std::string_view list, std::string_view kind, const auto& present, auto&& run) {
    if (!prunes(list)) return;
    for (const auto& [name, value] : present) {
      if (wanted_[std::string(list)].contains(name)) continue;
      step(Change::Remove, kind, name, {}, [run, value = value]() -> Result<Undo> {
        CG_CHECK(run(value));
        return Undo();
      });
      for (const auto& [user, used] : uses_) {
        if (kind == "policy") check_removed(kind, name, user, used.first);
        if (kind == "role") check_removed(kind, name, user, used.second);
      }
    }
  };
  remove("grants", "grant", grants_, [this](const Grant& grant) -> Result<void> {
    CG_CHECK(services_.identity.revoke(grant.id, "not in the applied bundle"));
    return {};
  });
  remove("servers", "server", servers_, [this](const Server& server) { return services_.catalog.remove_server(server.id); });
  remove("robots", "robot", robots_, [this](const Principal& robot) { return services_.identity.remove_principal(robot.id); });
  remove("users", "user", users_, [this](const Principal& user) { return services_.identity.remove_principal(user.id); });
  remove("roles", "role", roles_, [this](const Role& role) { return services_.identity.remove_role(role.name); });
  remove("policies", "policy", policies_,
         [this](const catalog::PolicyVersion& policy) { return services_.catalog.remove_policy(policy.name); });
  // Nobody locks everybody out with a file.
  if (!prunes("users")) return;
  bool owner_stays = false;
  bool owner_now = false;
  body_["users"].for_each_element([&](json::Value item) {
    for (const auto& role : texts_of(item, "admin_roles"))
      owner_stays = owner_stays || (role == "owner" && !flag_of(item, "disabled", false));
    auto present = users_.find(text_of(item, "name"));
    if (present == users_.end() || item["admin_roles"].exists()) return;
    for (const auto& role : present->second.admin_roles) owner_stays = owner_stays || role == "owner";
  });
  for (const auto& [name, user] : users_)
    for (const auto& role : user.admin_roles) owner_now = owner_now || role == "owner";
  if (owner_now && !owner_stays) problem("users", "no owner would be left; list one with `admin_roles: [owner]`");
}

}  // namespace callgate::admin
