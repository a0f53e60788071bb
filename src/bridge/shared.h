#pragma once
// What all bridges of a process share, behind one mutex that is held for look-ups only: who lives where, sessions of both directions,
// calls that wait for a client. Internal to this room.

#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/token_sealer.h"
#include "bridge/bridge.h"
#include "bridge/capabilities.h"
#include "bridge/header_params.h"

namespace callgate::bridge {

class Core;
struct Origin;

// Who is told. Actors are never named by pointer across loops.
struct Address {
  std::uint64_t core = 0, actor = 0;
  bool operator==(const Address&) const = default;
  explicit operator bool() const { return core != 0; }
};

struct Listener {
  Address listening, client;
  std::string id;  // JSON
  bool tools = false, prompts = false, resources = false;
  std::unordered_set<std::string> uris;
};

// Our session with a legacy server, for one principal, grant and set of client capabilities. Texts are written once, before `ready`.
struct ServerSession {
  std::string key, principal_id, grant_id, server_id;
  std::uint64_t home = 0;                // the core that opened it
  std::shared_ptr<const Origin> origin;  // of the call that opened it
  std::string upstream_id, revision;
  std::string capabilities, server_info, instructions;  // JSON; instructions empty when there are none
  bool can_log = false, can_subscribe = false, tools_change = false, prompts_change = false, resources_change = false, task_calls = false;
  bool may_ask = false;  // the client declared something it can be asked
  // guarded by Hub::mutex
  bool ready = false, gone = false;
  int level = -1;  // as set on the server; smaller says more
  MonoTime used_at{};
  std::vector<Address> waiting;
  std::vector<Listener> listeners;
  std::unordered_map<std::string, std::size_t> uri_users;
  std::vector<Address> runs;  // calls under way that may need input
  Address stream;             // who reads the server's GET stream
};

// A session of a legacy client with a modern server. Ours alone: the server knows of none.
struct ClientSession {
  std::string id, principal_id, grant_id, server_id;
  std::string revision, capabilities, client_info;  // JSON but for the revision; written once, as is what the server offers
  ClientCan can;
  bool can_log = false, can_subscribe = false, tools_change = false, prompts_change = false, resources_change = false;
  // guarded by Hub::mutex
  int level = -1;
  MonoTime used_at{};
  std::unordered_set<std::string> uris;
  HeaderParams header_params;
  std::unordered_map<std::string, Address> questions;   // who asked, by the id we asked with, as JSON
  std::unordered_map<std::string, Address> open_calls;  // by the client's id, as JSON
  Address stream;                                       // its newest GET
};

// A call that waits for its client to come again.
struct Parked {
  Address run;
  Digest binding{};
  std::string principal_id, grant_id;
};

struct Hub {
  explicit Hub(const Registry::Options& given) : options(given) {}
  const Registry::Options options;
  const TokenSealer sealer;

  std::uint64_t next_id() { return ids.fetch_add(1, std::memory_order_relaxed) + 1; }
  bool post(std::uint64_t core, std::function<void(Core&)> task);  // false when the core is gone

  // Parked calls. False past a cap.
  bool park(const std::string& id, Parked parked);
  std::optional<Parked> take_parked(const std::string& id, const Digest& binding);  // single use, and only for whom it was made
  bool forget_parked(const std::string& id);                                        // false: it was taken

  // Sessions of legacy clients. Nothing for another principal, grant or server.
  Result<std::shared_ptr<ClientSession>> open_client(std::shared_ptr<ClientSession> session, MonoTime now);
  std::shared_ptr<ClientSession> find_client(const CallContext& context, std::string_view server_id, MonoTime now);
  void close_client(const std::string& id);
  void drop_idle(MonoTime now);
  void drop_clients(const std::function<bool(const ClientSession&)>& ended);  // with the mutex held

  mutable std::mutex mutex;
  std::unordered_map<std::uint64_t, std::pair<net::Loop*, std::weak_ptr<Core>>> cores;
  std::unordered_map<std::string, std::shared_ptr<ServerSession>> servers;  // by key; those that can still be joined
  std::unordered_map<std::string, std::size_t> server_sessions_of;          // by principal
  std::unordered_map<std::string, std::shared_ptr<ClientSession>> clients;  // by id
  std::unordered_map<std::string, std::size_t> client_sessions_of;
  std::unordered_map<std::string, Parked> parked;
  std::unordered_map<std::string, std::size_t> parked_of;

 private:
  void erase_client(std::unordered_map<std::string, std::shared_ptr<ClientSession>>::iterator at);
  std::atomic<std::uint64_t> ids{0};
};

void count_down(std::unordered_map<std::string, std::size_t>& counts, const std::string& of);

}  // namespace callgate::bridge
