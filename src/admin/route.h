#pragma once
// The table of routes and what a handler works with. Inner header of admin/.

#include <map>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "admin/api.h"
#include "json/document.h"
#include "json/writer.h"

namespace callgate::admin {

// Who may use a route. Read: auditor, admin, owner. Write: admin, owner. Signed: any API token. Owner: who decides over admins.
enum class Access : std::uint8_t { Public, Signed, Read, Write, Owner };
enum class Shape : std::uint8_t { Text, Number, Flag, Texts, Map, Object, Objects };
enum class Keep : std::uint8_t { Plain, Secret, Bulky };  // how the record of a change shows the field: as it is, by name only, by size

struct FieldRule {
  std::string_view name;
  Shape shape = Shape::Text;
  bool required = false;
  std::string_view doc;
  Keep keep = Keep::Plain;
};

struct Reply {
  int status = 200;
  std::string body;
  std::string_view content_type = "application/json";
  std::string headers;
  std::string_view reason = {};  // of a refusal, for the record
  std::string message = {};
};

struct Caller {
  Principal principal;
  bool local = false;
  bool has(std::string_view role) const;
  bool may(Access access) const;
};

struct Context {
  Services& services;
  const ApiRequest& request;
  const Caller& caller;
  std::map<std::string, std::string, std::less<>> parameters;  // from the path
  std::map<std::string, std::string, std::less<>> query;
  json::Value body;

  // Filled in by handlers that change something; shown in the record.
  std::string target;  // what was changed, by name or id
  std::string server_id, server_slug;
  std::string facts;                             // JSON object with more, no secrets; empty: none
  std::unique_lock<std::mutex>* lock = nullptr;  // of all changes, while one is made
  bool changed = true;                           // false: nothing was changed after all (dry run, same text)

  const std::string& parameter(std::string_view name) const;
  std::string_view ask(std::string_view name) const;  // query value; empty when absent
  WallTime now() const { return services.clock.now(); }
  // Lets other changes through while a server takes its time: a slow one must not hold up a revocation.
  upstream::ProbeReport probe(const Server& server, const vault::Credentials& credentials);
};

using Handler = Result<Reply> (*)(Context&);

struct Route {
  std::string_view method;
  std::string_view path;  // /api/v1/servers/{server}
  std::string_view name;  // server.add: the action in records, operationId in OpenAPI
  Access access = Access::Read;
  std::string_view summary;
  Handler handler = nullptr;
  std::vector<FieldRule> body = {};
  std::vector<FieldRule> query = {};
  bool changes = false;    // announced and recorded
  bool publishes = false;  // the data path must see it before the answer
};

std::vector<Route> all_routes();
void add_server_routes(std::vector<Route>& routes);
void add_tool_routes(std::vector<Route>& routes);
void add_policy_routes(std::vector<Route>& routes);
void add_simulation_routes(std::vector<Route>& routes);
void add_backtest_routes(std::vector<Route>& routes);
void add_why_routes(std::vector<Route>& routes);
void add_who_routes(std::vector<Route>& routes);
void add_test_from_routes(std::vector<Route>& routes);
void add_grant_routes(std::vector<Route>& routes);
void add_principal_routes(std::vector<Route>& routes);
void add_role_routes(std::vector<Route>& routes);
void add_token_routes(std::vector<Route>& routes);
void add_audit_routes(std::vector<Route>& routes);
void add_counter_routes(std::vector<Route>& routes);
void add_flow_routes(std::vector<Route>& routes);
void add_approval_routes(std::vector<Route>& routes);
void add_plan_routes(std::vector<Route>& routes);
void add_status_routes(std::vector<Route>& routes);

// Body and query against the route's rules: unknown names are refused with a suggestion, required ones must be there, shapes must fit.
Result<void> check_body(const Route& route, json::Value body);
Result<void> check_members(std::span<const FieldRule> rules, json::Value object, std::string_view where);
Result<void> check_query(const Route& route, const std::map<std::string, std::string, std::less<>>& query);

// The request as a record may show it.
std::string recordable_body(const Route& route, json::Value body);

}  // namespace callgate::admin
