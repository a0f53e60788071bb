#pragma once
// A whole gate in one process for tests: real listener, worker, upstream client, stores and journal on loopback, one loop driven
// by hand, a clock moved by hand, and a toy MCP server whose answers the test writes.

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "audit/audit.h"
#include "gateway/worker.h"

namespace callgate::gateway::testing {

struct Answer {
  int status = 0;       // 0: the connection closed without an answer
  std::string head;     // header lines, as received
  std::string body;     // de-chunked
  bool closed = false;  // the server closed the connection
  bool complete = false;
  std::string header(std::string_view name) const;
};

// What the toy upstream saw, and what it says. Default: answers tools/list with `tools`, and every tools/call with a text.
class ToyUpstream final : public listener::Handler {
 public:
  struct Seen {
    std::string method, head, body;
  };
  using Script = std::function<void(const Seen&, listener::Reply&)>;
  void handle(const listener::Request& request, listener::Reply& reply) override;
  void refused(const IpAddress&, std::string_view, const Error&, int) override {}
  std::vector<Seen> seen;
  std::size_t calls() const;  // tools/call requests that arrived
  Script script;              // replaces the default
  std::vector<std::string> tools = {"refund_payment", "get_charge", "list_charges", "delete_customer"};
  std::string result = R"({"content":[{"type":"text","text":"done"}]})";  // of tools/call
  std::string list;                                                       // of tools/list; empty: made from `tools`
  std::string instructions;
  std::string session = "upstream-session-1";
  std::vector<listener::Reply*> open;  // streams a script keeps
};

class Gate {
 public:
  struct Setup {
    std::string policy = "version: \"1\"\ndefault: allow\n";
    Options options;
    bool seed_tools = true;                          // the catalog has seen the toy's tools
    std::map<std::string, std::string> definitions;  // of seeded tools; others are {}
    Capture capture = Capture::Redacted;
    catalog::Pin pin = catalog::Pin::Off;  // the toy's definitions are not what the catalog is seeded with
  };
  Gate() : Gate(Setup{}) {}
  explicit Gate(Setup setup);
  ~Gate();

  // One request on a connection of its own; runs the loop until the answer is complete or the connection closed.
  Answer send(const std::string& raw);
  Answer post(const std::string& body, const std::string& extra_head = {});  // legacy session of its own, opened once
  Answer post_raw(const std::string& path, const std::string& body, const std::string& head);
  Answer call(const std::string& tool, const std::string& arguments, const std::string& id = "7");
  Answer modern(const std::string& method, const std::string& params_members, const std::string& extra_head = {},
                const std::string& id = "7");
  int connect();                                  // a raw socket, non-blocking
  std::string read_some(int fd, int turns = 50);  // what arrives within a few turns of the loop
  void turn(int times = 1);                       // loop turns
  void advance(std::chrono::milliseconds by);     // clock and timers

  std::string session();  // opens one when needed
  void publish();
  void put_policy(const std::string& text);
  identity::Minted mint(identity::NewGrant grant);
  std::vector<std::string> records();  // payloads, oldest first
  std::string last_record();

  ManualClock clock;
  std::filesystem::path directory;
  std::unique_ptr<store::Database> database;
  std::unique_ptr<vault::Vault> vault;
  std::unique_ptr<identity::IdentityStore> identity;
  std::unique_ptr<catalog::CatalogStore> catalog;
  std::unique_ptr<limits::Counters> counters;
  std::unique_ptr<approvals::Approvals> approvals;
  std::unique_ptr<flows::Flows> flows;
  std::unique_ptr<audit::Journal> journal;
  SnapshotHolder snapshots;
  session::SessionTable sessions{session::SessionTable::Options{}};
  std::unique_ptr<net::Offload> offload;
  std::unique_ptr<net::Loop> loop;
  std::unique_ptr<Rooms> rooms;
  std::unique_ptr<Worker> worker;
  ToyUpstream upstream;
  std::unique_ptr<listener::Listener> door, upstream_door;
  Server server;
  Principal user;
  identity::Minted grant;
  std::string token;
  std::vector<std::string> changed;  // servers whose tools the gate reported as changed

 private:
  Answer receive(int fd);
  std::string session_;
};

}  // namespace callgate::gateway::testing
