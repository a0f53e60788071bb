#pragma once
// A process as the probe's way to ask: one line out, lines in until the answer. Blocking, within deadlines. Inner header of stdio/.

#include <deque>
#include <memory>
#include <string>

#include "json/document.h"
#include "sandbox/output_log.h"
#include "sandbox/sandbox.h"
#include "stdio/lines.h"
#include "upstream/probe_http.h"

namespace callgate::stdio {

class ProbeProcess final : public upstream::ProbeLine {
 public:
  ProbeProcess(std::unique_ptr<sandbox::Process> process, std::size_t line_bytes_max);
  ~ProbeProcess() override;  // in order, with little patience
  // Timeout upstream.timeout; Unavailable upstream.reset when it ended, upstream.protocol when a line was too long.
  Result<upstream::ProbeReply> send(const upstream::ProbeRequest& request, std::chrono::milliseconds timeout) override;
  std::size_t noise() const { return noise_; }
  std::string last_words() const;  // the end of its standard error, short
  bool ended() const { return ended_; }

 private:
  Result<void> write(std::string_view line, MonoTime until);
  Result<void> wait(MonoTime until, bool for_writing);
  void read_output();
  void read_errors();
  bool take(const upstream::ProbeRequest& request, const std::string& line);
  void refuse(json::Value id, MonoTime until);

  std::unique_ptr<sandbox::Process> process_;
  LineCutter lines_;
  std::deque<std::string> received_;
  sandbox::OutputLog errors_;
  std::size_t noise_ = 0;
  bool too_long_ = false, ended_ = false, errors_ended_ = false;
};

}  // namespace callgate::stdio
