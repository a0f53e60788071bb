#include "gateway/testing/gate.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>

#include "json/writer.h"
#include "net/http1.h"
#include "session/jsonrpc.h"

namespace callgate::gateway::testing {
namespace {

template <class T> T must(Result<T> result) {
  if (!result) throw std::runtime_error(std::string(result.error().reason) + ": " + result.error().message + " " + result.error().detail);
  return std::move(*result);
}
void must(Result<void> result) {
  if (!result) throw std::runtime_error(std::string(result.error().reason) + ": " + result.error().message + " " + result.error().detail);
}

std::string tool_list(const std::vector<std::string>& tools) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object().key("tools").begin_array();
  for (const std::string& name : tools)
    writer.begin_object().member("name", name).member("description", "a toy").key("inputSchema").raw(R"({"type":"object"})").end_object();
  writer.end_array().end_object();
  return out;
}

}  // namespace

std::string Answer::header(std::string_view name) const {
  std::size_t at = 0;
  while (at < head.size()) {
    std::size_t end = head.find("\r\n", at);
    std::string_view line = std::string_view(head).substr(at, end - at);
    std::size_t colon = line.find(':');
    if (colon != std::string_view::npos && net::equals_ignoring_case(line.substr(0, colon), name))
      return std::string(line.substr(colon + 2));
    at = end + 2;
  }
  return {};
}

void ToyUpstream::handle(const listener::Request& request, listener::Reply& reply) {
  Seen now{std::string(request.method), {}, std::string(request.body)};
  for (const net::Header& header : request.head->headers())
    now.head += std::string(header.name) + ": " + std::string(header.value) + "\r\n";
  seen.push_back(now);
  if (script) return script(seen.back(), reply);
  if (now.method == "GET") return reply.send({405, {}, {}}, {});
  if (now.method == "DELETE") return reply.send({204, {}, {}}, {});
  json::Document document;
  must(document.parse(now.body));
  auto message = must(session::read_message(document.root()));
  if (message.kind != session::MessageKind::Request) return reply.send({202, {}, {}}, {});
  std::string made = result, extra;
  if (message.method == "initialize") {
    made = R"({"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"toy","version":"1"})";
    if (!instructions.empty()) (made += ",\"instructions\":\"") += instructions + '"';
    made += '}';
    extra = "Mcp-Session-Id: " + session + "\r\n";
  } else if (message.method == "tools/list") {
    made = list.empty() ? tool_list(tools) : list;
  }
  std::string body = "{\"jsonrpc\":\"2.0\",\"id\":" + std::string(message.id.raw()) + ",\"result\":" + made + "}";
  reply.send({200, "application/json", extra}, body);
}

std::size_t ToyUpstream::calls() const {
  std::size_t count = 0;
  for (const Seen& each : seen) count += each.body.find("\"method\":\"tools/call\"") != std::string::npos;
  return count;
}

Gate::Gate(Setup setup) {
  init_crypto();
  directory = std::filesystem::temp_directory_path() / ("callgate-gate-" + random_token(8));
  std::filesystem::create_directories(directory);
  database = must(store::open_sqlite((directory / "gate.db").string()));
  vault = must(vault::open_vault(directory.string()));
  identity = must(identity::IdentityStore::open(*database, clock, directory.string()));
  catalog = must(catalog::CatalogStore::open(*database, *vault, clock));
  counters = must(limits::Counters::open(*database, clock, directory.string()));
  approvals = must(approvals::Approvals::open(*database, clock));
  audit::JournalOptions journal_options;
  journal_options.directory = (directory / "audit").string();
  journal_options.free_bytes_min = 0;
  journal = must(audit::Journal::open(journal_options, clock));
  offload = std::make_unique<net::Offload>(1, 64);
  loop = must(net::Loop::create(&clock));
  rooms = std::make_unique<Rooms>(
      Rooms{clock, snapshots, sessions, *counters, *journal, *offload, setup.options, {}, {}, {}, vault.get(), nullptr});
  rooms->approvals = approvals.get();
  flows = std::make_unique<flows::Flows>(flows::Options{});
  rooms->flows = flows.get();
  rooms->side = [](const SideRequest&) { return SideReply{404, "text/plain", {}, "nothing here\n"}; };
  rooms->note_use = [](std::string_view, WallTime) {};
  rooms->tools_changed = [this](std::string_view id) { changed.emplace_back(id); };
  worker = std::make_unique<Worker>(*rooms, *loop);
  listener::Options options;
  options.port = 0;
  upstream_door = must(listener::Listener::open(options, {{loop.get(), &upstream}}));
  door = must(listener::Listener::open(options, {{loop.get(), worker.get()}}));

  user = must(identity->add_principal([] {
    Principal p;
    p.name = "dev";
    return p;
  }()));
  Server added;
  added.name = "refunds";
  added.slug = "refunds";
  added.url = *Url::parse("http://127.0.0.1:" + std::to_string(upstream_door->port()) + "/mcp");
  added.allow_private = true;
  added.capture = setup.capture;
  added.policy = "main";
  must(catalog->put_policy("main", setup.policy, "test", "fixture"));
  server = must(catalog->add_server(added, {{"Authorization", Secret("Bearer upstream-secret")}}));
  must(catalog->set_pin(server.id, setup.pin));
  if (setup.seed_tools) {
    std::vector<Tool> tools;
    for (const std::string& name : upstream.tools) {
      Tool tool;
      tool.server_id = server.id;
      tool.name = name;
      auto definition = setup.definitions.find(name);
      tool.definition_json = definition == setup.definitions.end() ? "{}" : definition->second;
      tool.fingerprint = blake2b(name + tool.definition_json);
      tools.push_back(tool);
    }
    must(catalog->put_tools(server.id, tools));
  }
  identity::NewGrant wanted;
  wanted.label = "laptop";
  wanted.principal_id = user.id;
  wanted.servers = {server.id};
  grant = mint(wanted);
  token = grant.token.reveal();
}

Gate::~Gate() {
  offload.reset();
  door.reset();
  upstream_door.reset();
  worker.reset();
  loop.reset();
  journal.reset();
  counters.reset();
  approvals.reset();
  catalog.reset();
  identity.reset();
  database.reset();
  std::error_code ignored;
  std::filesystem::remove_all(directory, ignored);
}

identity::Minted Gate::mint(identity::NewGrant wanted) {
  auto minted = must(identity->mint(wanted));
  publish();
  return minted;
}

void Gate::publish() { snapshots.publish(must(catalog->catalog()), must(identity->directory())); }

void Gate::put_policy(const std::string& text) {
  must(catalog->put_policy("main", text, "test", "changed"));
  publish();
}

void Gate::turn(int times) {
  for (int i = 0; i < times; ++i) loop->run_once(std::chrono::milliseconds(1));
}

void Gate::advance(std::chrono::milliseconds by) {
  clock.advance(by);
  if (by > std::chrono::minutes(59)) session_.clear();  // idle sessions have ended
  turn(3);
}

int Gate::connect() {
  int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(door->port());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) throw std::runtime_error("connect");
  ::fcntl(fd, F_SETFL, O_NONBLOCK);
  return fd;
}

std::string Gate::read_some(int fd, int turns) {
  std::string got;
  char buffer[65536];
  for (int i = 0; i < turns; ++i) {
    turn();
    ssize_t count = ::recv(fd, buffer, sizeof buffer, 0);
    if (count == 0) break;
    if (count > 0) got.append(buffer, static_cast<std::size_t>(count));
  }
  return got;
}

Answer Gate::receive(int fd) {
  Answer answer;
  std::string raw;
  char buffer[65536];
  net::Head head;
  for (int i = 0; i < 2000 && !answer.complete; ++i) {
    turn();
    ssize_t count = ::recv(fd, buffer, sizeof buffer, 0);
    if (count > 0) raw.append(buffer, static_cast<std::size_t>(count));
    if (count == 0) answer.closed = true;
    auto progress = net::read_response_head(raw, {}, false, head);
    if (progress && *progress == net::Progress::Done) {
      answer.status = head.status;
      std::size_t line = raw.find("\r\n") + 2;
      answer.head = raw.substr(line, head.bytes - line - 2);
      net::BodyReader reader;
      bool none = head.status == 204 || head.status == 202 ? !head.content_length && !head.chunked : false;
      if (none) reader.start(net::BodyReader::Mode::None);
      else if (head.chunked) reader.start(net::BodyReader::Mode::Chunked);
      else reader.start(net::BodyReader::Mode::Length, head.content_length.value_or(0));
      answer.body.clear();
      std::string_view rest = std::string_view(raw).substr(head.bytes);
      while (!reader.done()) {
        auto piece = reader.next(rest);
        if (!piece || piece->empty()) break;
        answer.body += *piece;
      }
      answer.complete = reader.done();
    }
    if (answer.closed) break;
  }
  return answer;
}

Answer Gate::send(const std::string& raw) {
  int fd = connect();
  std::size_t sent = 0;
  while (sent < raw.size()) {
    ssize_t count = ::send(fd, raw.data() + sent, raw.size() - sent, MSG_NOSIGNAL);
    if (count > 0) sent += static_cast<std::size_t>(count);
    else turn();
    if (count < 0 && errno != EAGAIN) break;
  }
  Answer answer = receive(fd);
  ::close(fd);
  turn(2);
  return answer;
}

Answer Gate::post_raw(const std::string& path, const std::string& body, const std::string& head) {
  return send("POST " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\n" + head + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
              body);
}

std::string Gate::session() {
  if (!session_.empty()) return session_;
  Answer answer = post_raw(
      "/mcp/refunds",
      R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"elicitation":{},"roots":{}},"clientInfo":{"name":"toy-client","version":"1"}}})",
      "Authorization: Bearer " + token + "\r\nContent-Type: application/json\r\n");
  session_ = answer.header("Mcp-Session-Id");
  if (answer.status != 200 || session_.empty()) throw std::runtime_error("initialize: " + answer.body);
  return session_;
}

Answer Gate::post(const std::string& body, const std::string& extra_head) {
  return post_raw("/mcp/refunds", body,
                  "Authorization: Bearer " + token +
                      "\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\nMcp-Session-Id: " + session() +
                      "\r\nMCP-Protocol-Version: 2025-11-25\r\n" + extra_head);
}

Answer Gate::call(const std::string& tool, const std::string& arguments, const std::string& id) {
  std::string name;
  json::append_quoted(name, tool);
  return post("{\"jsonrpc\":\"2.0\",\"id\":" + id + ",\"method\":\"tools/call\",\"params\":{\"name\":" + name +
              ",\"arguments\":" + arguments + "}}");
}

Answer Gate::modern(const std::string& method, const std::string& params_members, const std::string& extra_head, const std::string& id) {
  std::string body =
      "{\"jsonrpc\":\"2.0\",\"id\":" + id + ",\"method\":\"" + method + "\",\"params\":{" + params_members +
      (params_members.empty() ? "" : ",") +
      R"("_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"toy-client","version":"2"},"io.modelcontextprotocol/clientCapabilities":{}}}})";
  return post_raw("/mcp/refunds", body,
                  "Authorization: Bearer " + token +
                      "\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n" +
                      "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: " + method + "\r\n" + extra_head);
}

std::vector<std::string> Gate::records() {
  std::vector<std::string> payloads;
  must(audit::read_journal((directory / "audit").string(), 0, [&](const audit::Entry& entry) {
    payloads.push_back(entry.payload);
    return true;
  }));
  return payloads;
}

std::string Gate::last_record() {
  auto all = records();
  return all.empty() ? std::string() : all.back();
}

}  // namespace callgate::gateway::testing
