#include "admin/bundle.h"

#include "admin/parse.h"
#include "admin/reply.h"
#include "policy/policy.h"

namespace callgate::admin {
namespace {

std::string joined(const std::vector<std::string>& texts) {
  std::string out;
  for (const auto& text : texts) out += (out.empty() ? "" : ", ") + text;
  return out;
}

std::string describe(const Role& role) {
  std::string out = role.description;
  for (const auto& permission : role.permissions) out += "; " + permission.server + ": " + joined(permission.tools);
  return out;
}

}  // namespace

std::vector<FieldRule> bundle_fields() {
  return {
      {"policies", Shape::Objects, false, "list of {name, text}", Keep::Bulky},
      {"roles", Shape::Objects, false, "list of {name, description, permissions}", Keep::Bulky},
      {"users", Shape::Objects, false, "list of {name, display_name, disabled, admin_roles}", Keep::Bulky},
      {"robots", Shape::Objects, false, "list of {name, display_name, disabled, owner}", Keep::Bulky},
      {"servers", Shape::Objects, false, "list of servers as in POST /api/v1/servers, with slug", Keep::Secret},
      {"grants", Shape::Objects, false, "list of {label, principal, servers, policy, role, networks, deny_as, note, expires_in}",
       Keep::Bulky},
      {"prune", Shape::Flag, false, "remove what is not listed, of the kinds that are"},
      {"refresh_secrets", Shape::Flag, false, "write header values again although their names did not change"},
      {"probe", Shape::Flag, false, "probe new and changed servers afterwards; default true"},
      {"reason", Shape::Text, false, "why, for the history"},
  };
}

std::string Bundle::reason() const {
  auto text = text_of(body_, "reason");
  return text.empty() ? "apply" : text;
}

void Bundle::each(std::string_view list, std::string_view key, const std::vector<FieldRule>& rules,
                  const std::function<void(json::Value, const std::string&)>& fn) {
  std::set<std::string> seen;
  std::size_t position = 0;
  body_[list].for_each_element([&](json::Value item) {
    std::string where = std::string(list) + "[" + std::to_string(position++) + "]";
    if (auto checked = check_members(rules, item, ""); !checked) return problem(where, checked.error().message);
    std::string name = text_of(item, key);
    if (name.empty()) return problem(where, "`" + std::string(key) + "` is empty");
    if (!seen.insert(name).second) return problem(where, "`" + name + "` is listed twice");
    fn(item, name);
  });
}

void Bundle::step(Change change, std::string_view kind, const std::string& name, std::vector<std::string> lines,
                  std::function<Result<Undo>()> apply) {
  (change == Change::Remove ? removals_ : steps_).push_back({change, std::string(kind), name, std::move(lines), std::move(apply)});
}

std::vector<std::string> Bundle::differences(const Lines& before, const Lines& after) {
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < after.size(); ++i)
    if (before[i].second != after[i].second) lines.push_back(after[i].first + ": " + before[i].second + " -> " + after[i].second);
  return lines;
}

bool Bundle::prunes(std::string_view list) const { return flag_of(body_, "prune", false) && body_[list].exists(); }

bool Bundle::will_have(std::string_view list, const std::string& name) const {
  auto wanted = wanted_.find(list);
  if (wanted != wanted_.end() && wanted->second.contains(name)) return true;
  if (prunes(list)) return false;
  if (list == "policies") return policies_.contains(name);
  if (list == "roles") return roles_.contains(name);
  if (list == "users") return users_.contains(name);
  if (list == "robots") return robots_.contains(name);
  return servers_.contains(name);
}

Result<void> Bundle::load_present() {
  CG_TRY(auto policies, services_.catalog.policies());
  for (auto& policy : policies) policies_[policy.name] = std::move(policy);
  CG_TRY(auto roles, services_.identity.roles());
  for (auto& role : roles) roles_[role.name] = std::move(role);
  CG_TRY(auto principals, services_.identity.principals());
  for (auto& principal : principals) (principal.kind == PrincipalKind::User ? users_ : robots_)[principal.name] = principal;
  CG_TRY(auto servers, services_.catalog.servers());
  for (auto& server : servers) servers_[server.slug] = std::move(server);
  CG_TRY(auto grants, services_.identity.grants());
  std::set<std::string> twice;
  for (auto& grant : grants)
    if (grant_state(grant, context_.now()) == "live" && !grants_.emplace(grant.label, grant).second) twice.insert(grant.label);
  for (std::string_view list : {"policies", "roles", "users", "robots", "servers", "grants"}) {
    std::string_view key = list == "servers" ? "slug" : list == "grants" ? "label" : "name";
    body_[list].for_each_element([&](json::Value item) { wanted_[std::string(list)].insert(text_of(item, key)); });
  }
  for (const auto& label : twice)
    if (auto wanted = wanted_.find("grants"); wanted != wanted_.end() && wanted->second.contains(label))
      problem("grants", "label `" + label + "` stands for several live grants; revoke all but one first");
  return {};
}

Result<void> Bundle::plan() {
  CG_CHECK(load_present());
  plan_policies();
  plan_roles();
  plan_principals(PrincipalKind::User);
  plan_principals(PrincipalKind::Robot);
  plan_servers();
  plan_grants();
  plan_removals();
  for (auto& removal : removals_) steps_.push_back(std::move(removal));
  removals_.clear();
  return {};
}

Result<void> Bundle::apply() {
  std::vector<Undo> undo;
  for (const auto& step : steps_) {
    auto done = step.apply();
    if (done) {
      if (*done) undo.push_back(std::move(*done));
      continue;
    }
    for (auto it = undo.rbegin(); it != undo.rend(); ++it) (*it)();
    Error error = done.error();
    error.message = step.kind + " `" + step.name + "`: " + error.message + "; the steps before it were undone";
    return tl::unexpected(std::move(error));
  }
  return {};
}

void Bundle::plan_policies() {
  static const std::vector<FieldRule> rules = {{"name", Shape::Text, true, "policy name"}, {"text", Shape::Text, true, "the document"}};
  each("policies", "name", rules, [this](json::Value item, const std::string& name) { plan_policy(item, name); });
}

void Bundle::plan_policy(json::Value item, const std::string& name) {
  std::string text = text_of(item, "text");
  auto compiled = policy::Policy::compile(name, 0, text);
  for (const auto& found : compiled.problems)
    if (!found.warning) problem("policy " + name, found.pointer + ": " + found.message, found.line);
  if (!compiled.policy) return;
  for (const auto& test : compiled.policy->run_tests())
    if (!test.passed) problem("policy " + name, test.pointer + ": " + test.message, test.line);
  auto present = policies_.find(name);
  if (present != policies_.end() && present->second.text == text) return;
  std::int64_t old_version = present == policies_.end() ? 0 : present->second.version;
  auto run = [this, name, text, old_version]() -> Result<Undo> {
    const auto& author = context_.caller.principal.name;
    CG_CHECK(services_.catalog.put_policy(name, text, author, reason()));
    return Undo([this, name, old_version, author] {
      if (old_version > 0) (void)services_.catalog.rollback_policy(name, old_version, author, "apply failed");
      else (void)services_.catalog.remove_policy(name);
    });
  };
  if (old_version == 0) return step(Change::Add, "policy", name, {}, run);
  step(Change::Edit, "policy", name, {policy::diff(present->second.text, text)}, run);
}

void Bundle::plan_roles() {
  auto rules = role_fields();
  rules.push_back({"name", Shape::Text, true, "role name"});
  each("roles", "name", rules, [this](json::Value item, const std::string& name) {
    auto role = read_role(name, item);
    if (!role) return problem("role " + name, role.error().message);
    auto present = roles_.find(name);
    bool known = present != roles_.end();
    if (known && describe(present->second) == describe(*role)) return;
    Role before = known ? present->second : Role{};
    auto run = [this, role = *role, before, known]() -> Result<Undo> {
      CG_CHECK(services_.identity.put_role(role));
      return Undo([this, role, before, known] {
        if (known) (void)services_.identity.put_role(before);
        else (void)services_.identity.remove_role(role.name);
      });
    };
    std::vector<std::string> lines;
    if (known) lines = differences({{"permissions", describe(before)}}, {{"permissions", describe(*role)}});
    step(known ? Change::Edit : Change::Add, "role", name, std::move(lines), run);
  });
}

void Bundle::plan_principals(PrincipalKind kind) {
  bool user = kind == PrincipalKind::User;
  std::vector<FieldRule> rules = {{"name", Shape::Text, true, "unique name"},
                                  {"display_name", Shape::Text, false, "full name"},
                                  {"disabled", Shape::Flag, false, "refuse all its grants"}};
  if (user) rules.push_back({"admin_roles", Shape::Texts, false, "owner, admin, auditor, approver, approver:NAME"});
  else rules.push_back({"owner", Shape::Text, false, "the user who answers for it"});
  each(user ? "users" : "robots", "name", rules,
       [this, kind](json::Value item, const std::string& name) { plan_principal(item, name, kind); });
}

void Bundle::plan_principal(json::Value item, const std::string& name, PrincipalKind kind) {
  bool user = kind == PrincipalKind::User;
  std::string_view word = user ? "user" : "robot";
  std::string where = std::string(word) + " " + name;
  auto& present_all = user ? users_ : robots_;
  if ((user ? robots_ : users_).contains(name)) return problem(where, "the name belongs to the other kind");
  auto found = present_all.find(name);
  Principal before = found == present_all.end() ? Principal{} : found->second;
  Principal wanted = before;
  wanted.kind = kind;
  wanted.name = name;
  wanted.display_name = text_of(item, "display_name");
  wanted.disabled = flag_of(item, "disabled", false);
  if (item["admin_roles"].exists()) wanted.admin_roles = texts_of(item, "admin_roles");
  if (wanted.admin_roles != before.admin_roles && !context_.caller.may(Access::Owner))
    return problem(where, "only an owner may change `admin_roles`");
  for (const auto& role : wanted.admin_roles)
    if (!identity::is_admin_role(role))
      return problem(where, "`admin_roles` may hold owner, admin, auditor, approver and approver:NAME only");
  std::string owner = text_of(item, "owner");
  if (!owner.empty() && !will_have("users", owner)) return problem(where, "there is no user `" + owner + "`");
  std::string old_owner;
  for (const auto& [user_name, principal] : users_)
    if (principal.id == before.owner_id && !before.owner_id.empty()) old_owner = user_name;
  auto run = [this, wanted, before, owner]() -> Result<Undo> {
    Principal target = wanted;
    target.owner_id.clear();
    if (!owner.empty()) {
      CG_TRY(auto answers, services_.identity.principal(owner));
      target.owner_id = answers.id;
    }
    if (before.id.empty()) {
      CG_TRY(auto added, services_.identity.add_principal(target));
      return Undo([this, id = added.id] { (void)services_.identity.remove_principal(id); });
    }
    CG_CHECK(services_.identity.update_principal(target));
    return Undo([this, before] { (void)services_.identity.update_principal(before); });
  };
  if (before.id.empty()) return step(Change::Add, word, name, {}, run);
  auto lines = [](const Principal& p, const std::string& answers) {
    return Lines{{"display_name", p.display_name},
                 {"disabled", p.disabled ? "true" : "false"},
                 {"admin_roles", joined(p.admin_roles)},
                 {"owner", answers}};
  };
  auto changed = differences(lines(before, old_owner), lines(wanted, owner));
  if (!changed.empty()) step(Change::Edit, word, name, std::move(changed), run);
}

}  // namespace callgate::admin
