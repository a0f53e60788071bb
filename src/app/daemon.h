#pragma once
// Owns everything a running gate consists of. Members stand in the order they are made; they die in reverse.

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "admin/api.h"
#include "app/notices.h"
#include "app/serve.h"
#include "audit/audit.h"
#include "flows/flows.h"
#include "gateway/worker.h"
#include "limits/limits.h"
#include "listener/listener.h"
#include "stdio/processes.h"
#include "stdio/sandbox_starter.h"

namespace callgate::app {

class Daemon {
 public:
  Daemon(const config::Settings& settings, const ServeOptions& options) : settings_(settings), options_(options) {}
  ~Daemon();
  Result<void> start();  // the steps below, in order; on error nothing is left listening
  void stop();           // no new connections, a moment for open calls, then checkpoint and close
  std::string url() const;
  Result<std::optional<Secret>> setup_code() { return identity_->setup_code(); }

 private:
  Result<void> prepare_directory();
  Result<void> open_stores();
  Result<void> open_journal();
  Result<void> open_flows();
  Result<void> save_flows();
  Result<void> publish();  // a fresh snapshot of catalog and directory
  Result<void> start_workers();
  Result<void> open_doors();
  Result<void> record(const Record& record);
  Result<void> record_system(std::string_view reason, std::string_view message);
  gateway::SideReply answer_side(const gateway::SideRequest& request);
  void tools_changed(std::string_view server_id);
  upstream::ProbeReport probe(const Server& server, const vault::Credentials& credentials);
  void probe_again(const std::string& server_id);
  void apply_retention(WallTime now);
  void sweep_approvals();
  void end_upstream_session(const std::string& id);
  Result<void> open_notices();
  void drain();         // calls under way get a moment, then their records; streams end at once
  void housekeeping();  // its own thread: checkpoints, sessions, retention
  void indexing();      // its own thread

  const config::Settings& settings_;
  ServeOptions options_;
  SystemClock clock_;
  int lock_fd_ = -1;
  std::unique_ptr<store::Database> database_;
  std::unique_ptr<vault::Vault> vault_;
  std::unique_ptr<identity::IdentityStore> identity_;
  std::unique_ptr<catalog::CatalogStore> catalog_;
  std::unique_ptr<limits::Counters> counters_;
  std::unique_ptr<approvals::Approvals> approvals_;
  std::unique_ptr<audit::Journal> journal_;
  std::unique_ptr<audit::Index> index_;
  std::unique_ptr<flows::Flows> flows_;
  gateway::SnapshotHolder snapshots_;
  bridge::Registry bridges_;
  std::shared_ptr<stdio::Sandboxes> sandboxes_;
  std::unique_ptr<stdio::Processes> processes_, event_streams_;
  session::SessionTable sessions_{session::SessionTable::Options{}};
  std::unique_ptr<admin::Api> api_;
  std::unique_ptr<gateway::Rooms> rooms_;
  std::vector<std::unique_ptr<net::Loop>> loops_;
  std::vector<std::unique_ptr<gateway::Worker>> workers_;
  std::unique_ptr<net::Offload> offload_;
  std::unique_ptr<net::Offload> postmen_;  // send notices; null when there are none
  std::vector<std::unique_ptr<Notices>> notices_;
  std::unique_ptr<listener::Listener> door_, control_;
  std::vector<std::thread> threads_;
  std::thread housekeeper_, indexer_;
  std::mutex mutex_;  // publish_mutex below guards snapshots; this one the two fields after it
  std::condition_variable wake_;
  bool stopping_ = false;
  std::set<std::string> reprobe_;  // servers whose tools changed
  std::mutex publish_mutex_;
};

}  // namespace callgate::app
