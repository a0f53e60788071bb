#include "stdio/error_log.h"

namespace callgate::stdio {
namespace {
constexpr std::size_t kLineCost = 64;
constexpr std::size_t kSecretBytesMin = 6;
}  // namespace

void ErrorLog::set_secrets(std::vector<Secret> secrets) {
  const std::lock_guard lock(mutex_);
  std::erase_if(secrets, [](const Secret& one) { return one.reveal().size() < kSecretBytesMin; });
  secrets_ = std::move(secrets);
}

void ErrorLog::append(std::uint64_t process, std::string_view bytes) {
  const std::lock_guard lock(mutex_);
  Source& source = sources_[process];
  source.log.append(bytes, clock_.now(), clock_.mono());
  take(process, source);
}

void ErrorLog::finish(std::uint64_t process) {
  const std::lock_guard lock(mutex_);
  const auto source = sources_.find(process);
  if (source == sources_.end()) return;
  source->second.log.finish(clock_.now());
  take(process, source->second);
  sources_.erase(source);
}

void ErrorLog::note(std::uint64_t process, std::string text) {
  const std::lock_guard lock(mutex_);
  keep({0, clock_.now(), process, std::move(text)});
}

void ErrorLog::take(std::uint64_t process, Source& source) {
  for (const sandbox::OutputLog::Line& line : source.log.lines()) {
    if (line.number <= source.taken) continue;
    source.taken = line.number;
    std::string text = line.text;
    for (const Secret& secret : secrets_) {
      for (std::size_t at = text.find(secret.reveal()); at != std::string::npos; at = text.find(secret.reveal(), at))
        text.replace(at, secret.reveal().size(), "[...]");
    }
    keep({0, line.at, process, std::move(text)});
  }
}

void ErrorLog::keep(LogLine line) {
  line.sequence = next_++;
  bytes_ += line.text.size() + kLineCost;
  lines_.push_back(std::move(line));
  while (bytes_ > bytes_max_ && !lines_.empty()) {
    bytes_ -= lines_.front().text.size() + kLineCost;
    lines_.pop_front();
  }
}

std::vector<LogLine> ErrorLog::since(std::uint64_t sequence, std::size_t lines_max) const {
  const std::lock_guard lock(mutex_);
  std::vector<LogLine> out;
  for (auto line = lines_.rbegin(); line != lines_.rend() && out.size() < lines_max && line->sequence > sequence; ++line)
    out.push_back(*line);
  return {out.rbegin(), out.rend()};
}

}  // namespace callgate::stdio
