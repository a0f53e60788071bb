#pragma once
// The control plane as REST under /api/v1: one file per resource, one table of routes from which checks, OpenAPI and
// docs/reference/rest.md are made. Blocking: called on the worker pool, from any thread. Every change is announced in the audit
// journal before it is made and recorded before it is reported; secrets never appear in answers or records, but for a new token, once.

#include <functional>
#include <memory>
#include <string>

#include "approvals/approvals.h"
#include "audit/audit.h"
#include "catalog/catalog.h"
#include "config/settings.h"
#include "flows/flows.h"
#include "identity/identity.h"
#include "limits/limits.h"
#include "model/record.h"
#include "stdio/error_log.h"
#include "upstream/probe.h"

namespace callgate::admin {

struct ApiRequest {
  std::string method, path, query, body, authorization, content_type;
  IpAddress remote;
  bool local_socket = false;  // came over the control socket: the operator, principal `local`
};

class BacktestRuns;

struct ApiResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::string extra_headers;  // complete lines, each with CRLF
  std::string body;
};

struct Services {  // references outlive the Api
  identity::IdentityStore& identity;
  catalog::CatalogStore& catalog;
  audit::Index& index;
  limits::Counters& counters;
  const Clock& clock;
  const config::Settings& settings;
  std::string public_url;                             // base of /mcp/<uuid>/, no slash at the end
  std::function<Result<void>()> republish;            // rebuild and publish the snapshot; effective when it returns
  std::function<Result<void>(const Record&)> record;  // writes an audit record, refuses when it cannot
  std::function<audit::Journal::Head()> journal_head;
  std::function<upstream::ProbeReport(const Server&, const vault::Credentials&)> probe = upstream::probe;
  std::function<std::vector<stdio::LogLine>(const std::string& server_id, std::uint64_t since, std::size_t lines_max)> logs = {};
  approvals::Approvals* approvals = nullptr;
  flows::Flows* flows = nullptr;
  std::function<Result<void>()> save_flows = {};                         // what was cleared stays so
  std::function<std::vector<std::string>(const Server&)> weakened = {};  // what of a command's confinement this machine cannot do
  BacktestRuns* backtests = nullptr;                                     // the Api's own
};

class Api {
 public:
  explicit Api(Services services);
  ApiResponse handle(const ApiRequest& request);
  ~Api();

 private:
  struct Inner;
  std::unique_ptr<Inner> inner_;
};

std::string openapi_json();   // OpenAPI 3.1 of all routes
std::string rest_markdown();  // docs/reference/rest.md

}  // namespace callgate::admin
