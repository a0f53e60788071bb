#include "sandbox/output_log.h"

#include <algorithm>

namespace callgate::sandbox {
namespace {

constexpr std::size_t kLineCost = 32;  // empty lines cost something too

// What is no UTF-8, a control character, or one that turns text around becomes `?`. Lines are short and shown rarely: clarity first.
std::string cleaned(std::string_view line) {
  std::string out;
  out.reserve(line.size());
  for (std::size_t at = 0; at < line.size();) {
    const auto lead = static_cast<unsigned char>(line[at]);
    const std::size_t size = lead < 0x80 ? 1 : lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
    bool good = size != 0 && at + size <= line.size();
    char32_t point = size == 1 ? lead : lead & (0xFFU >> (size + 1));
    for (std::size_t i = 1; good && i < size; ++i) {
      const auto next = static_cast<unsigned char>(line[at + i]);
      good = (next & 0xC0) == 0x80;
      point = (point << 6) | (next & 0x3F);
    }
    const bool shown = good && !(size == 3 && (point < 0x800 || (point >= 0xD800 && point < 0xE000))) &&
                       !(size == 4 && (point < 0x10000 || point > 0x10FFFF)) && point >= 0x20 && !(point >= 0x7F && point < 0xA0) &&
                       !(point >= 0x200B && point <= 0x200F) && !(point >= 0x2028 && point <= 0x202E) &&
                       !(point >= 0x2060 && point <= 0x206F) && point != 0xFEFF && !(point >= 0xE0000 && point <= 0xE007F);
    if (shown) {
      out.append(line.substr(at, size));
    } else {
      out.push_back('?');
    }
    at += good ? size : 1;
  }
  return out;
}

}  // namespace

OutputLog::OutputLog(Options options) : options_(options), budget_(static_cast<double>(options.bytes_per_second)) {}

std::string_view OutputLog::take_budget(std::string_view bytes, MonoTime mono) {
  const double rate = static_cast<double>(options_.bytes_per_second);
  if (refilled_ != MonoTime{} && mono > refilled_) {
    budget_ = std::min(rate, budget_ + rate * std::chrono::duration<double>(mono - refilled_).count());
  }
  refilled_ = mono;
  const std::size_t taken = std::min(bytes.size(), static_cast<std::size_t>(budget_));
  budget_ -= static_cast<double>(taken);
  return bytes.substr(0, taken);
}

void OutputLog::append(std::string_view bytes, WallTime now, MonoTime mono) {
  bytes_seen_ += bytes.size();
  const std::string_view kept = take_budget(bytes, mono);
  for (const char c : kept) {
    if (c == '\n') {
      end_line(now);
    } else {
      add_char(c);
    }
  }
  if (kept.size() == bytes.size()) {
    flooded_ = flooded_ && bytes.empty();
    return;
  }
  bytes_dropped_ += bytes.size() - kept.size();
  if (flooded_) return;
  flooded_ = true;
  partial_ += " [too much output: the rest is dropped]";  // said once per flood
  end_line(now);
}

// Terminal sequences vanish whole: ESC [ ... letter, ESC ] ... BEL or ESC \, ESC and one other.
void OutputLog::add_char(char c) {
  const auto byte = static_cast<unsigned char>(c);
  switch (escape_) {
    case Escape::Started:
      escape_ = c == '[' ? Escape::Csi : (c == ']' || c == 'P' || c == '_' || c == '^' || c == 'X') ? Escape::String : Escape::None;
      return;
    case Escape::Csi:
      if (byte >= 0x40 || byte < 0x20) escape_ = Escape::None;
      return;
    case Escape::String:
      if (byte == 0x07) escape_ = Escape::None;
      if (byte == 0x1B) escape_ = Escape::StringEscape;
      return;
    case Escape::StringEscape: escape_ = Escape::None; return;
    case Escape::None: break;
  }
  if (byte == 0x1B) {
    escape_ = Escape::Started;
    return;
  }
  if (c == '\r') return;
  partial_open_ = true;
  if (partial_.size() >= options_.line_bytes_max) {
    ++bytes_dropped_;
    return;
  }
  partial_.push_back(c == '\t' ? ' ' : c);
}

void OutputLog::end_line(WallTime now) {
  escape_ = Escape::None;
  std::string text = cleaned(partial_);
  partial_.clear();
  partial_open_ = false;
  bytes_kept_ += text.size() + kLineCost;
  lines_.push_back({next_number_++, now, std::move(text)});
  while (bytes_kept_ > options_.bytes_max && lines_.size() > 1) {
    bytes_kept_ -= lines_.front().text.size() + kLineCost;
    lines_.pop_front();
  }
}

void OutputLog::finish(WallTime now) {
  if (partial_open_) end_line(now);
}

}  // namespace callgate::sandbox
