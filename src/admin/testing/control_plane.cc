#include "admin/testing/control_plane.h"

#include <utility>

#include "json/writer.h"

namespace callgate::admin::testing {

void ControlPlane::SetUp() {
  init_crypto();
  settings_.data_dir = folder_.path();
  settings_.audit.commit = "before_reply";
  database_ = store::open_sqlite(folder_.file("callgate.db")).value();
  vault_ = vault::open_vault(folder_.path()).value();
  identity_ = identity::IdentityStore::open(*database_, clock_, folder_.path()).value();
  catalog_ = catalog::CatalogStore::open(*database_, *vault_, clock_).value();
  catalog_->set_policy_in_use([this](std::string_view policy) { return identity_->uses_policy(policy); });
  counters_ = limits::Counters::open(*database_, clock_, folder_.path()).value();
  approvals_ = approvals::Approvals::open(*database_, clock_).value();
  audit::JournalOptions options;
  options.directory = settings_.audit_directory();
  journal_ = audit::Journal::open(options, clock_).value();
  index_ = audit::Index::open(settings_.audit_index_path(), settings_.audit_directory()).value();
  probe_report_.ok = true;
  probe_report_.stages = {{"resolve", true, false, "192.0.2.1 in 1 ms", "", "", 1}, {"tools", true, false, "1 tool", "", "", 2}};
  Tool tool;
  tool.name = "refund_payment";
  tool.definition_json = R"({"name":"refund_payment","inputSchema":{"type":"object"}})";
  probe_report_.tools = {tool};
  Services services{*identity_, *catalog_, *index_, *counters_, clock_, settings_, "https://gate.example", {}, {}, {}, {}};
  services.approvals = approvals_.get();
  services.republish = [this]() -> Result<void> {
    if (publish_fails_) return fail(Code::Unavailable, "store.injected", "the store is away");
    ++published_;
    return {};
  };
  services.record = [this](const Record& record) -> Result<void> {
    audit::Batch batch;
    batch.add(record);
    return journal_->commit(batch);
  };
  services.journal_head = [this] { return journal_->head(); };
  services.probe = [this](const Server&, const vault::Credentials& credentials) {
    probed_headers_ = credentials.header_lines().reveal();
    if (during_probe_) std::exchange(during_probe_, nullptr)();
    return probe_report_;
  };
  services.logs = [](const std::string&, std::uint64_t since, std::size_t lines_max) {
    const std::string tail = " of " + std::to_string(lines_max) + " since " + std::to_string(since);
    return std::vector<stdio::LogLine>{{1, {}, 1, "line 1" + tail}, {2, {}, 1, "line 2" + tail}};
  };
  api_ = std::make_unique<Api>(std::move(services));
}

ControlPlane::Answer ControlPlane::ask(std::string_view method, std::string_view path, std::string_view body, std::string_view token) {
  ApiRequest request;
  auto mark = path.find('?');
  request.method = method;
  request.path = path.substr(0, mark);
  if (mark != std::string_view::npos) request.query = path.substr(mark + 1);
  request.body = body;
  if (!body.empty()) request.content_type = "application/json";
  request.local_socket = token.empty();
  if (token != "none" && !token.empty()) request.authorization = "Bearer " + std::string(token);
  request.remote = IpAddress::parse("192.0.2.7").value();
  auto response = api_->handle(request);
  Answer answer;
  answer.status = response.status;
  answer.headers = response.extra_headers;
  answer.body = response.body;
  if (response.content_type.find("json") != std::string::npos && response.content_type.find("jsonl") == std::string::npos) {
    EXPECT_TRUE(answer.document->parse(answer.body)) << answer.body;
  }
  return answer;
}

std::string ControlPlane::quoted(std::string_view text) {
  std::string out;
  json::append_quoted(out, text);
  return out;
}

ControlPlane::Answer ControlPlane::add_server(const std::string& slug, std::string_view more) {
  return ask("POST", "/api/v1/servers",
             "{\"name\":\"" + slug + "\",\"slug\":\"" + slug + "\",\"url\":\"https://mcp.example.com/mcp\"" + std::string(more) + "}");
}

ControlPlane::Answer ControlPlane::put_policy(const std::string& name, std::string_view text) {
  return ask("PUT", "/api/v1/policies/" + name, "{\"reason\":\"test\",\"text\":" + quoted(text) + "}");
}

std::string ControlPlane::api_token(const std::string& user, const std::string& roles) {
  auto added = ask("POST", "/api/v1/users", R"({"name":")" + user + R"(","admin_roles":[)" + roles + "]}");
  EXPECT_EQ(added.status, 201) << added.body;
  auto minted = ask("POST", "/api/v1/tokens", R"({"principal":")" + user + R"(","label":"test"})");
  EXPECT_EQ(minted.status, 201) << minted.body;
  return std::string(minted["token"].string());
}

std::vector<std::string> ControlPlane::records() {
  std::vector<std::string> payloads;
  EXPECT_TRUE(audit::read_journal(settings_.audit_directory(), 0, [&](const audit::Entry& entry) {
    payloads.push_back(entry.payload);
    return true;
  }));
  return payloads;
}

}  // namespace callgate::admin::testing
