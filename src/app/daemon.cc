#include "app/daemon.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>

#include "app/approval_page.h"
#include "app/idle_time.h"
#include "app/setup_page.h"
#include "sse/event_opener.h"
#include "stdio/probe.h"
#include "telemetry/log.h"
#include "upstream/probe.h"

namespace callgate::app {

using namespace std::chrono_literals;

namespace {
constexpr std::uint64_t kLedgerBytesMax = 16 * 1024 * 1024;  // then counters are checkpointed before their time: start stays fast
constexpr std::uint64_t kIndexStep = 500;                    // records
constexpr std::uint64_t kIndexLateMax = 2'000'000;           // some half a minute of all one processor can do
}  // namespace

Daemon::~Daemon() {
  stop();
  if (lock_fd_ >= 0) ::close(lock_fd_);
}

Result<void> Daemon::start() {
  CG_CHECK(prepare_directory());
  CG_CHECK(open_stores());
  CG_CHECK(open_journal());
  CG_CHECK(open_flows());
  CG_CHECK(publish());
  CG_CHECK(start_workers());
  CG_CHECK(open_doors());
  CG_CHECK(record_system("gate.started", "callgate " CALLGATE_VERSION " takes requests"));
  housekeeper_ = std::thread([this] { housekeeping(); });
  indexer_ = std::thread([this] { indexing(); });
  return {};
}

std::string Daemon::url() const {
  if (!settings_.public_url.empty()) return settings_.base_url();
  bool v6 = settings_.listen_address.find(':') != std::string::npos;
  std::string host = v6 ? "[" + settings_.listen_address + "]" : settings_.listen_address;
  return (settings_.tls.certificate.empty() ? "http://" : "https://") + host + ":" + std::to_string(door_->port());
}

Result<void> Daemon::prepare_directory() {
  std::error_code error;
  std::filesystem::create_directories(settings_.data_dir, error);
  if (error || ::chmod(settings_.data_dir.c_str(), 0700) != 0)
    return fail(Code::Unavailable, "app.data_dir", "cannot use data directory `" + settings_.data_dir + "`: choose another with --data",
                error ? error.message() : std::strerror(errno));
  std::string path = settings_.data_dir + "/callgate.lock";
  lock_fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock_fd_ < 0 || ::flock(lock_fd_, LOCK_EX | LOCK_NB) != 0)
    return fail(Code::Conflict, "app.locked",
                "another callgate uses `" + settings_.data_dir + "`: stop it, or choose another directory with --data");
  return {};
}

Result<void> Daemon::open_stores() {
  CG_TRY(database_, store::open_sqlite(settings_.database_path()));
  CG_TRY(vault_, vault::open_vault(settings_.data_dir));
  CG_TRY(identity_, identity::IdentityStore::open(*database_, clock_, settings_.data_dir));
  CG_TRY(catalog_, catalog::CatalogStore::open(*database_, *vault_, clock_));
  catalog_->set_pin_rules({catalog::parse_pin(settings_.tools.pin).value_or(catalog::Pin::Strict), settings_.tools.accept_annotations,
                           static_cast<double>(std::min<std::int64_t>(settings_.tools.accept_wording_below, 100)) / 100});
  catalog_->set_policy_in_use([this](std::string_view policy) { return identity_->uses_policy(policy); });
  CG_TRY(counters_, limits::Counters::open(*database_, clock_, settings_.data_dir));
  approvals::Options approvals;
  if (settings_.approvals.pending_per_grant > 0)
    approvals.pending_per_grant_max = static_cast<std::size_t>(settings_.approvals.pending_per_grant);
  if (settings_.approvals.pending > 0) approvals.pending_max = static_cast<std::size_t>(settings_.approvals.pending);
  CG_TRY(approvals_, approvals::Approvals::open(*database_, clock_, approvals));
  return {};
}

Result<void> Daemon::open_journal() {
  audit::JournalOptions options;
  options.directory = settings_.audit_directory();
  options.sync = settings_.audit_power_safe() ? audit::Sync::Power : audit::Sync::Process;
  if (settings_.audit.segment_bytes > 0) options.segment_bytes_max = static_cast<std::size_t>(settings_.audit.segment_bytes);
  CG_TRY(journal_, audit::Journal::open(options, clock_));
  CG_TRY(index_, audit::Index::open(settings_.audit_index_path(), settings_.audit_directory()));
  return {};
}

// What sessions have seen: the copy, then the records behind it. What cannot be read is taken for the worst, for a while.
Result<void> Daemon::open_flows() {
  flows::Options options;
  if (settings_.flows.idle > 0s) options.idle = settings_.flows.idle;
  flows_ = std::make_unique<flows::Flows>(options);
  auto copied = flows_->load(*database_);
  Result<void> read;
  std::uint64_t head = journal_->head().sequence;
  if (!copied) read = tl::unexpected(copied.error());
  else if (*copied && **copied > head) read = fail(Code::Unavailable, "flows.other_journal", "the audit journal is not the one it was");
  else if (*copied)
    read = audit::read_journal(settings_.audit_directory(), **copied + 1, [this](const audit::Entry& entry) {
      flows_->replay(entry.payload);
      return true;
    });
  if (read) return *copied ? Result<void>() : save_flows();  // the first start: from here on records count
  flows_->distrust(clock_.now());
  telemetry::log_error("what sessions have seen before cannot be read: rules over sequences take the worst for one idle time",
                       {{"reason", std::string(read.error().reason)}, {"why", read.error().message}});
  return record_system("flows.distrusted", "what sessions have seen before could not be read: " + read.error().message);
}

Result<void> Daemon::save_flows() {
  if (!flows_ || !journal_) return {};
  std::uint64_t head = journal_->head().sequence;  // first: what is behind it may be in the copy, what is before must be
  auto saved = flows_->save(*database_, head);
  if (!saved) telemetry::log_error("what sessions have seen could not be saved", {{"detail", saved.error().detail}});
  return saved;
}

Result<void> Daemon::publish() {
  std::lock_guard lock(publish_mutex_);
  CG_TRY(auto catalog, catalog_->catalog());
  CG_TRY(auto directory, identity_->directory());
  // Processes of servers that are gone, disabled or changed end once their calls have.
  std::vector<std::pair<std::string, std::int64_t>> commands, streams;
  for (const catalog::ServerEntry& entry : catalog->servers()) {
    if (entry.server.disabled) continue;
    if (entry.server.kind == ServerKind::Stdio) commands.emplace_back(entry.server.id, entry.server.version);
    else if (entry.server.eras.events) streams.emplace_back(entry.server.id, entry.server.version);
  }
  if (processes_) processes_->retain(std::move(commands));
  if (event_streams_) event_streams_->retain(std::move(streams));
  snapshots_.publish(std::move(catalog), std::move(directory));
  return {};
}

Result<void> Daemon::start_workers() {
  offload_ = std::make_unique<net::Offload>(4, 4'096);
  sandbox::LauncherOptions confinement;
  confinement.hidden_paths = {std::filesystem::weakly_canonical(settings_.data_dir)};
  sandboxes_ = std::make_shared<stdio::Sandboxes>(std::move(confinement));
  CG_TRY(processes_, stdio::Processes::create(stdio::make_sandbox_starter(sandboxes_), {}));
  stdio::Processes::Options streams;
  streams.limits = sse::event_limits();
  CG_TRY(event_streams_, stdio::Processes::create(std::make_unique<sse::EventOpener>(), streams));
  rooms_ = std::make_unique<gateway::Rooms>(gateway::Rooms{clock_,
                                                           snapshots_,
                                                           sessions_,
                                                           *counters_,
                                                           *journal_,
                                                           *offload_,
                                                           {},
                                                           {},
                                                           {},
                                                           {},
                                                           vault_.get(),
                                                           &bridges_,
                                                           processes_.get(),
                                                           approvals_.get()});
  rooms_->event_streams = event_streams_.get();
  rooms_->flows = flows_.get();
  rooms_->options.approval_hold = settings_.approvals.hold;
  rooms_->options.approval_elicitation = settings_.approvals.elicitation;
  rooms_->options.record_before_effect = settings_.audit_before_effect();
  rooms_->options.shared_search_above = static_cast<std::size_t>(settings_.shared.search_above);
  rooms_->options.inspected_bytes_max = static_cast<std::size_t>(settings_.inspection.bytes_max);
  rooms_->options.audit = !options_.unsafe_no_audit;
  rooms_->side = [this](const gateway::SideRequest& request) { return answer_side(request); };
  rooms_->note_use = [this](std::string_view grant_id, WallTime when) { identity_->note_use(grant_id, when); };
  rooms_->tools_changed = [this](std::string_view server_id) { tools_changed(server_id); };
  unsigned count = settings_.workers > 0 ? static_cast<unsigned>(settings_.workers) : std::max(1u, std::thread::hardware_concurrency());
  for (unsigned i = 0; i < count; ++i) {
    CG_TRY(auto loop, net::Loop::create());
    loops_.push_back(std::move(loop));
    workers_.push_back(std::make_unique<gateway::Worker>(*rooms_, *loops_.back()));
  }
  return {};
}

Result<void> Daemon::open_doors() {
  listener::Options options;
  options.address = settings_.listen_address;
  options.port = settings_.listen_port;
  options.hosts = settings_.hosts;
  options.origins = settings_.origins;
  if (settings_.body_bytes_max > 0) options.body_bytes_max = static_cast<std::size_t>(settings_.body_bytes_max);
  if (settings_.connections_max > 0) options.connections_max = static_cast<std::size_t>(settings_.connections_max);
  if (settings_.timeouts.head > 0s) options.head_timeout = settings_.timeouts.head;
  if (settings_.timeouts.body > 0s) options.body_timeout = settings_.timeouts.body;
  if (settings_.timeouts.idle > 0s) options.idle_timeout = settings_.timeouts.idle;
  if (settings_.timeouts.write > 0s) options.write_timeout = settings_.timeouts.write;
  if (!settings_.tls.certificate.empty()) {
    CG_TRY(options.tls, net::TlsContext::server(settings_.tls.certificate, settings_.tls.key));
  }
  if (auto url = Url::parse(settings_.public_url)) options.hosts.push_back(url->host);
  std::vector<listener::Worker> workers;
  for (std::size_t i = 0; i < loops_.size(); ++i) workers.push_back({loops_[i].get(), workers_[i].get()});
  CG_TRY(door_, listener::Listener::open(options, workers));
  listener::Options control = options;
  control.tls = nullptr;
  control.unix_path = settings_.control_socket();
  control.body_bytes_max = 16 * 1024 * 1024;
  CG_TRY(control_, listener::Listener::open(control, {workers.front()}));
  api_ = std::make_unique<admin::Api>(
      admin::Services{*identity_, *catalog_, *index_, *counters_, clock_, settings_, url(), [this] { return publish(); },
                      [this](const Record& record) { return this->record(record); }, [this] { return journal_->head(); },
                      [this](const Server& server, const vault::Credentials& credentials) { return probe(server, credentials); },
                      [this](const std::string& server_id, std::uint64_t since, std::size_t lines_max) {
                        auto lines = processes_->logs(server_id, since, lines_max);
                        return lines.empty() ? event_streams_->logs(server_id, since, lines_max) : lines;
                      },
                      approvals_.get(), flows_.get(), [this] { return save_flows(); },
                      [this](const Server& server) { return sandboxes_->weakened(server); }});
  rooms_->options.public_url = url();
  CG_CHECK(open_notices());
  for (auto& loop : loops_) threads_.emplace_back([&loop] { loop->run(); });
  return {};
}

Result<void> Daemon::record(const Record& record) {
  audit::Batch batch;
  batch.add(record);
  return journal_->commit(batch);
}

Result<void> Daemon::record_system(std::string_view reason, std::string_view message) {
  Record record;
  std::string id = new_id("dec");
  record.kind = Record::Kind::System;
  record.time = clock_.now();
  record.decision_id = id;
  record.effect = Effect::Allow;
  record.reason = reason;
  record.message = message;
  return this->record(record);
}

gateway::SideReply Daemon::answer_side(const gateway::SideRequest& request) {
  if (request.method == "GET" && request.path == "/setup")
    return {200, "text/html; charset=utf-8", setup_page().headers, setup_page().body};
  if (request.method == "GET" && approval_path(request.path)) {
    Page page = approval_page(request.path);
    return {200, "text/html; charset=utf-8", std::move(page.headers), std::move(page.body)};
  }
  if (request.method == "GET" && request.path == "/healthz") return {200, "text/plain; charset=utf-8", {}, "ok\n"};
  admin::ApiResponse response = api_->handle({request.method, request.path, request.query, request.body, request.authorization,
                                              request.content_type, request.remote, request.local_socket});
  return {response.status, std::move(response.content_type), std::move(response.extra_headers), std::move(response.body)};
}

// From a worker: only notes it; the housekeeper looks at the server again.
void Daemon::tools_changed(std::string_view server_id) {
  std::lock_guard lock(mutex_);
  reprobe_.emplace(server_id);
}

upstream::ProbeReport Daemon::probe(const Server& server, const vault::Credentials& credentials) {
  if (server.kind == ServerKind::Stdio) return stdio::probe(*sandboxes_, server, credentials);
  return upstream::probe(server, credentials);
}

void Daemon::probe_again(const std::string& server_id) {
  auto server = catalog_->server(server_id);
  if (!server || server->disabled) return;
  auto credentials = catalog_->credentials(server_id);
  if (!credentials) return;
  const std::uint64_t doubts = rooms_->doubts->raised();
  upstream::ProbeReport report = probe(*server, *credentials);
  if (!report.ok) return telemetry::log_warn("server could not be probed after its tools changed", {{"server", server->slug}});
  auto sighting = catalog_->put_seen(server_id, {report.tools, report.parts, report.kinds_told, report.eras});
  if (!sighting) return telemetry::log_warn("the tools of a server could not be stored", {{"server", server->slug}});
  if (auto published = publish(); published) rooms_->doubts->settle(server_id, doubts);
  else telemetry::log_error("configuration could not be published", {{"detail", published.error().detail}});
  const auto names = [](const std::vector<std::string>& all) {
    std::string text;
    for (std::size_t i = 0; i < all.size() && i < 20; ++i) (text += i == 0 ? " " : ", ") += all[i].substr(0, 128);
    return all.size() > 20 ? text + " and " + std::to_string(all.size() - 20) + " more" : text;
  };
  if (sighting->changed) (void)record_system("catalog.tools_changed", "the tools of server " + server->slug + " were read again");
  if (!sighting->held.empty())
    (void)record_system("catalog.tool_held", "held for review at server " + server->slug + ":" + names(sighting->held));
  if (!sighting->accepted.empty())
    (void)record_system("catalog.tool_accepted", "approved by rule at server " + server->slug + ":" + names(sighting->accepted));
}

// Behind the calls: an index that is late for a moment is only late, a call that waits is slow. Small steps, for who asks for records
// waits for the one under way. Where the processors are never idle it is the housekeeper's turn in the end.
void Daemon::indexing() {
  IdleTime time;
  std::unique_lock lock(mutex_);
  for (bool behind = false, crowded = false; !stopping_;) {
    if (!behind || crowded) wake_.wait_for(lock, crowded ? 1s : 250ms, [this] { return stopping_; });
    lock.unlock();
    const std::uint64_t step = crowded ? kIndexStep / 10 : kIndexStep;  // crowded: enough to see whether it still is
    auto caught_up = index_->catch_up(step);
    if (!caught_up) telemetry::log_warn("audit index is behind", {{"detail", caught_up.error().detail}});
    behind = caught_up && *caught_up == step;
    crowded = time.crowded() && behind;
    lock.lock();
  }
}

void Daemon::housekeeping() {
  (void)::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), 15);
  auto next_checkpoint = clock_.mono() + 10s;
  auto next_sweep = clock_.mono() + 60s, next_approvals = clock_.mono() + 5s;
  std::map<std::string, MonoTime> probed_at;
  auto checkpoint_every = settings_.limits.checkpoint_interval > 0s ? settings_.limits.checkpoint_interval : 10s;
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    wake_.wait_for(lock, 250ms, [this] { return stopping_; });
    // A server that lists other tools to every caller must not be probed all day: once in ten seconds is enough to notice.
    const auto waits = [&](const std::string& id) { return probed_at.contains(id) && clock_.mono() - probed_at[id] < 10s; };
    std::set<std::string> reprobe = std::exchange(reprobe_, {});
    std::ranges::copy_if(reprobe, std::inserter(reprobe_, reprobe_.end()), waits);
    std::erase_if(reprobe, waits);
    lock.unlock();
    if (journal_->head().sequence > index_->newest() + kIndexLateMax) (void)index_->catch_up(40 * kIndexStep);
    for (const std::string& server_id : reprobe) {
      probed_at[server_id] = clock_.mono();
      probe_again(server_id);
      if (rooms_->doubts->about_any(server_id)) tools_changed(server_id);  // it could not be looked at: its calls wait for that
    }
    if (clock_.mono() >= next_checkpoint || counters_->ledger_bytes() > kLedgerBytesMax) {
      next_checkpoint = clock_.mono() + checkpoint_every;
      if (auto done = counters_->checkpoint(); !done)
        telemetry::log_error("counters could not be checkpointed", {{"detail", done.error().detail}});
      (void)identity_->flush_uses();
      (void)save_flows();
    }
    for (auto& notices : notices_) notices->look();
    if (clock_.mono() >= next_approvals) {
      next_approvals = clock_.mono() + 5s;
      sweep_approvals();
    }
    if (clock_.mono() >= next_sweep) {
      next_sweep = clock_.mono() + 60s;
      auto snapshot = snapshots_.load();
      auto now = clock_.now();
      bridges_.sweep([&](std::string_view grant_id) {
        const auto* entry = snapshot->directory->find(grant_id);
        return entry != nullptr && !entry->grant.revoked_at && !entry->principal.disabled && now < entry->grant.expires_at;
      });
      auto closed = sessions_.sweep(now, [&](const session::Session& session) {
        const identity::GrantEntry* entry = snapshot->directory->find(session.grant_id);
        return entry != nullptr && !entry->grant.revoked_at && now < entry->grant.expires_at;
      });
      for (const auto& session : closed) end_upstream_session(session->upstream_id);
      if (settings_.audit.retention > 0s) apply_retention(now);
    }
    lock.lock();
  }
}

Result<void> Daemon::open_notices() {
  CG_TRY(auto lines, notice_lines(settings_, clock_));
  if (lines.empty()) return {};
  postmen_ = std::make_unique<net::Offload>(2, lines.size());
  for (NoticeLine& line : lines) {
    auto run = [this](std::function<void()> work) { return postmen_->run(std::move(work)); };
    notices_.push_back(std::make_unique<Notices>(*approvals_, clock_, url(), std::move(line), std::move(run)));
  }
  return {};
}

void Daemon::sweep_approvals() {
  auto expired = approvals_->sweep();
  if (!expired) return telemetry::log_error("approvals could not be swept", {{"detail", expired.error().detail}});
  for (const approvals::Approval& approval : *expired) {
    const approvals::Proposal& asked = approval.proposal;
    std::string id = new_id("dec"), detail = "{\"approval\":\"" + approval.id + "\"}";
    Record record;
    record.kind = Record::Kind::Approval;
    record.time = clock_.now();
    record.decision_id = id;
    record.principal_id = asked.binding.principal_id;
    record.principal_name = asked.principal_name;
    record.principal_kind = asked.principal_kind;
    record.grant_id = asked.binding.grant_id;
    record.grant_label = asked.grant_label;
    record.server_id = asked.binding.server_id;
    record.server_slug = asked.server_slug;
    record.method = asked.binding.method;
    record.tool = asked.binding.tool;
    record.effect = Effect::Deny;
    record.reason = "approval.expired";
    record.message = "nobody decided in time";
    record.detail_json = detail;
    (void)this->record(record);
  }
}

void Daemon::end_upstream_session(const std::string& id) {
  processes_->end_session(id);
  event_streams_->end_session(id);
}

void Daemon::apply_retention(WallTime now) {
  auto dropped = audit::apply_retention(settings_.audit_directory(), now, settings_.audit.retention);
  if (!dropped) return telemetry::log_error("old records could not be dropped", {{"detail", dropped.error().detail}});
  if (*dropped > 0) (void)record_system("audit.retention", std::to_string(*dropped) + " records past their retention were dropped");
}

void Daemon::drain() {
  if (threads_.empty()) return;
  auto settle = [this](auto close, std::chrono::milliseconds patience) {
    for (std::size_t i = 0; i < loops_.size(); ++i) loops_[i]->post([worker = workers_[i].get(), close] { (worker->*close)(); });
    std::unique_lock lock(mutex_);
    auto idle = [this] { return std::ranges::all_of(workers_, [](const auto& worker) { return worker->busy() == 0; }); };
    for (auto until = clock_.mono() + patience; !idle() && clock_.mono() < until;) wake_.wait_for(lock, 10ms);
  };
  settle(&gateway::Worker::close_streams, 5s);
  settle(&gateway::Worker::close_calls, 1s);
}

void Daemon::stop() {
  {
    std::lock_guard lock(mutex_);
    if (stopping_) return;
    stopping_ = true;
  }
  wake_.notify_all();
  if (door_) door_->stop_accepting();
  if (control_) control_->stop_accepting();
  if (housekeeper_.joinable()) housekeeper_.join();
  if (indexer_.joinable()) indexer_.join();
  drain();
  notices_.clear();
  postmen_.reset();
  offload_.reset();
  for (auto& loop : loops_) loop->stop();
  for (auto& thread : threads_) thread.join();
  control_.reset();
  door_.reset();
  workers_.clear();
  processes_.reset();
  event_streams_.reset();
  loops_.clear();
  if (counters_) (void)counters_->checkpoint();
  (void)save_flows();
  if (identity_) (void)identity_->flush_uses();
  if (journal_) (void)record_system("gate.stopped", "callgate stopped in order");
  if (index_) (void)index_->catch_up();
}

}  // namespace callgate::app
