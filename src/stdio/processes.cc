#include "stdio/processes.h"

#include <condition_variable>
#include <mutex>

#include "stdio/front.h"
#include "stdio/pipes.h"
#include "stdio/switchboard.h"

namespace callgate::stdio {
namespace {
constexpr std::chrono::milliseconds kTurn{20};
}  // namespace

Processes::Processes(std::unique_ptr<Opener> opener, Options options) : opener_(std::move(opener)), options_(std::move(options)) {}

Result<std::unique_ptr<Processes>> Processes::create(std::unique_ptr<Starter> starter, Options options) {
  return create(std::make_unique<PipeOpener>(std::move(starter)), std::move(options));
}

Result<std::unique_ptr<Processes>> Processes::create(std::unique_ptr<Opener> opener, Options options) {
  std::unique_ptr<Processes> made(new Processes(std::move(opener), std::move(options)));
  CG_CHECK(made->begin());
  return made;
}

Result<void> Processes::begin() {
  if (options_.loop == nullptr) {
    CG_TRY(own_loop_, net::Loop::create());
    loop_ = own_loop_.get();
  } else {
    loop_ = options_.loop;
  }
  board_ = std::make_unique<Switchboard>(*loop_, *opener_, options_.limits);
  if (own_loop_) thread_ = std::thread([this] { own_loop_->run(); });
  return {};
}

// The last turn is its own: after stop() the loop is driven here, until everything has ended or its time is up.
Processes::~Processes() {
  if (thread_.joinable()) {
    loop_->stop();
    thread_.join();
    board_->close();
    const auto until =
        loop_->clock().mono() + options_.limits.close_patience + options_.limits.term_patience + std::chrono::milliseconds(1'500);
    while (!board_->empty() && loop_->clock().mono() < until) loop_->run_once(kTurn);
  }
  board_.reset();  // what is left is killed
  opener_.reset();
}

std::unique_ptr<upstream::Transport> Processes::front(net::Loop& worker_loop) { return std::make_unique<Front>(*this, worker_loop); }

void Processes::hand_over(std::shared_ptr<Ticket> ticket) {
  loop_->post([this, ticket = std::move(ticket)] { board_->take(ticket); });
}

void Processes::cancel(std::shared_ptr<Ticket> ticket, bool timed_out) {
  loop_->post([this, ticket = std::move(ticket), timed_out] { board_->cancel(ticket, timed_out); });
}

void Processes::room(std::shared_ptr<Ticket> ticket) {
  loop_->post([this, ticket = std::move(ticket)] { board_->room(ticket); });
}

void Processes::retain(std::vector<std::pair<std::string, std::int64_t>> current) {
  loop_->post([this, current = std::move(current)] { board_->retain(current); });
}

void Processes::end_session(std::string session) {
  loop_->post([this, session = std::move(session)] { board_->end_session(session); });
}

std::vector<LogLine> Processes::logs(const std::string& server_id, std::uint64_t since, std::size_t lines_max) {
  return board_->log_of(server_id)->since(since, lines_max);
}

ProcessStats Processes::stats() const {
  const Counts& counts = board_->counts();
  return {counts.running, counts.sessions, counts.noise, counts.strays, counts.dropped, counts.restarts};
}

}  // namespace callgate::stdio
