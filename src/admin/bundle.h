#pragma once
// What is wanted, as one document, against what there is: the steps between the two (`callgate plan`, `callgate apply`). Everything is
// checked before the first step runs; a step that fails undoes those before it, and nothing is published until all are done.
// Inner header of admin/.

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "admin/route.h"

namespace callgate::admin {

enum class Change : std::uint8_t { Add, Edit, Remove };
using Undo = std::function<void()>;

struct Step {
  Change change{};
  std::string kind, name;          // server, refunds
  std::vector<std::string> lines;  // what differs: "policy: a -> b"
  std::function<Result<Undo>()> apply;
};

struct BundleProblem {
  std::string where, message;
  std::uint32_t line = 0;
};

class Bundle {
 public:
  explicit Bundle(Context& context) : context_(context), services_(context.services), body_(context.body) {}

  // Reads the wanted state and works out the steps. Problems of the document land in problems(); an Error is the store's.
  Result<void> plan();
  const std::vector<Step>& steps() const { return steps_; }
  const std::vector<BundleProblem>& problems() const { return problems_; }
  // Runs all steps or none. Removals run last; a removal cannot be undone.
  Result<void> apply();
  const std::vector<identity::Minted>& minted() const { return minted_; }
  const std::vector<Server>& servers_to_probe() const { return probe_; }

 private:
  using Lines = std::vector<std::pair<std::string, std::string>>;
  Result<void> load_present();
  void plan_policies();
  void plan_roles();
  void plan_principals(PrincipalKind kind);
  void plan_servers();
  void plan_grants();
  void plan_removals();
  void check_removed(std::string_view kind, const std::string& name, const std::string& user, const std::string& used);
  void plan_policy(json::Value item, const std::string& name);
  void plan_principal(json::Value item, const std::string& name, PrincipalKind kind);
  void plan_server(json::Value item, const std::string& slug);
  void plan_grant(json::Value item, const std::string& label);
  using Pin = std::optional<catalog::Pin>;  // nothing: as it is
  void add_server_step(const Server& wanted, json::Value item, Pin pin);
  struct ServerEdit {
    Server wanted, present;
    Pin pin, pin_present;
  };
  void edit_server_step(const ServerEdit& edit, json::Value item, std::vector<std::string> lines);
  void mint_step(const Grant& wanted, const std::string& principal, std::chrono::seconds lifetime, bool lifetime_given);
  void edit_grant_step(const Grant& wanted, const Grant& present, std::vector<std::string> lines);

  // Calls fn(item, name) for each member of a list, after checking shape and that names differ.
  void each(std::string_view list, std::string_view key, const std::vector<FieldRule>& rules,
            const std::function<void(json::Value, const std::string&)>& fn);
  void problem(std::string where, std::string message, std::uint32_t line = 0) {
    problems_.push_back({std::move(where), std::move(message), line});
  }
  void step(Change change, std::string_view kind, const std::string& name, std::vector<std::string> lines,
            std::function<Result<Undo>()> apply);
  static std::vector<std::string> differences(const Lines& before, const Lines& after);
  bool will_have(std::string_view list, const std::string& name) const;  // wanted, or present and not to be removed
  bool prunes(std::string_view list) const;
  Result<std::vector<std::string>> server_ids_now(const std::vector<std::string>& slugs) const;
  std::string reason() const;

  Context& context_;
  Services& services_;
  json::Value body_;
  std::map<std::string, catalog::PolicyVersion> policies_;
  std::map<std::string, Role> roles_;
  std::map<std::string, Principal> users_, robots_;
  std::map<std::string, Server> servers_;  // by slug
  std::map<std::string, Grant> grants_;    // live ones, by label
  std::map<std::string, std::set<std::string>, std::less<>> wanted_;
  std::map<std::string, std::pair<std::string, std::string>> uses_;  // final state: "server x" -> {policy, role}
  std::vector<Step> steps_, removals_;
  std::vector<BundleProblem> problems_;
  std::vector<identity::Minted> minted_;
  std::vector<Server> probe_;
};

std::vector<FieldRule> bundle_fields();

}  // namespace callgate::admin
