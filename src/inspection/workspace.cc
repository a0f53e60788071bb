#include "inspection/workspace.h"

#include <algorithm>

#include "inspection/detectors.h"

namespace callgate::inspection {
namespace {

constexpr std::size_t kHitsMax = 200'000;
constexpr std::uint32_t kNearEnd = 128;

const Rule& cap_rule() {
  static const Rule& rule = rule_named("inspection.cap");
  return rule;
}

std::string way_of(const Level& level) {
  std::vector<std::string_view> ways;
  for (const Level* at = &level; at; at = at->above)
    if (!at->way.empty()) ways.push_back(at->way);
  std::string out;
  for (auto way = ways.rbegin(); way != ways.rend(); ++way) out.append(out.empty() ? "" : ">").append(*way);
  return out;
}

// Carries a span up to the text that was handed in.
Extent outermost(const Level& level, Extent span) {
  for (const Level* at = &level; at->above; at = at->above) {
    if (!at->origin) {
      span = at->whole;
    } else {
      auto last = at->origin->size() - 1;
      span = {(*at->origin)[std::min(span.begin, last)], (*at->origin)[std::min(span.end, last)]};
      if (span.begin > span.end) std::swap(span.begin, span.end);
    }
  }
  return span;
}

}  // namespace

void Workspace::begin(const Scanner::Tables& tables, Findings& out, const KnownSecrets* known) {
  tables_ = &tables;
  known_ = known != nullptr && !known->empty() ? known : nullptr;
  out_ = &out;
  out.work_ = 0;
  work_left_ = 8 * 1024 * 1024;
  decoded_left_ = tables.options.caps.decoded_bytes_max;
  pointer.clear();
  in_key = false;
  level_ = nullptr;
  parts_.clear();
  order_.clear();
  wheres_.clear();
  if (looked_.size() < tables.phrases.size()) looked_.resize(tables.phrases.size());
  if (needed_.size() < tables.phrases.size()) needed_.resize(tables.phrases.size());
}

void Workspace::cap(std::string_view what) {
  if (out_->capped_) return;
  out_->add_cap(what);
  out_->items_.back().where = pointer;
}

void Findings::add_cap(std::string_view what) {
  capped_ = true;
  Finding finding;
  const Rule& rule = cap_rule();
  finding.rule = rule.id;
  finding.severity = rule.severity;
  finding.confidence = Confidence::High;
  finding.masked = what;
  items_.push_back(std::move(finding));
}

bool Workspace::spend(std::size_t bytes) {
  if (bytes > work_left_) {
    cap("work");
    return false;
  }
  work_left_ -= bytes;
  out_->work_ += bytes;
  return true;
}

void Workspace::add(const Rule& rule, Extent span, Confidence confidence, std::string masked, std::string via) {
  for (const Finding& seen : out_->items_)
    if (seen.rule == rule.id && seen.begin == span.begin && seen.end == span.end && seen.in_key == in_key && seen.where == pointer) return;
  if (out_->items_.size() >= tables_->options.caps.findings_max) return cap("findings");
  Finding finding;
  finding.rule = rule.id;
  finding.pack = rule.pack;
  finding.severity = rule.severity;
  finding.confidence = confidence;
  finding.begin = static_cast<std::uint32_t>(span.begin);
  finding.end = static_cast<std::uint32_t>(span.end);
  finding.in_key = in_key;
  finding.where = pointer;
  finding.masked = std::move(masked);
  finding.via = std::move(via);
  out_->items_.push_back(std::move(finding));
}

void Workspace::report(const Rule& rule, Extent span, Confidence confidence, Extent shown) {
  if (level_->seams.at && !level_->seams.within(span.begin, span.end)) return;
  if (tables_->off(rule)) return;
  bool label = rule.pack == Pack::Poisoning || rule.pack == Pack::Code;
  if (rule.pack == Pack::Poisoning && !tables_->poisoning) return;
  auto seen = text().substr(shown.begin, shown.end - shown.begin);
  std::string masked = label ? show_text(seen, 80) : mask_secret(seen);
  std::string via = way_of(*level_);
  Extent outer = outermost(*level_, span);
  if (order_.empty()) return add(rule, outer, confidence, std::move(masked), std::move(via));
  // One finding for each string it was cut into.
  std::string pointer_before = std::move(pointer);
  for (const Piece& piece : order_) {
    std::size_t begin = std::max<std::size_t>(outer.begin, piece.begin), end = std::min<std::size_t>(outer.end, piece.begin + piece.size);
    if (begin >= end) continue;
    const Part& part = parts_[piece.part];
    pointer.assign(wheres_, part.where, part.where_size);
    add(rule, {begin - piece.begin + piece.from, end - piece.begin + piece.from}, confidence, masked, via);
  }
  pointer = std::move(pointer_before);
}

bool Workspace::below(std::string_view text, const std::vector<std::uint32_t>* origin, Extent whole, std::string_view way,
                      bool marks_only) {
  if (level_->depth + 1 > tables_->options.caps.decode_depth_max) {
    cap("depth");
    return false;
  }
  if (text.size() > decoded_left_) {
    cap("decoded");
    return false;
  }
  decoded_left_ -= text.size();
  Level next;
  next.text = text;
  next.above = level_;
  next.origin = origin;
  next.whole = whole;
  next.way = way;
  next.depth = level_->depth + 1;
  next.marks_only = marks_only || level_->marks_only;
  scan_level(next);
  return true;
}

void Workspace::scan_text(std::string_view text) {
  if (text.size() > tables_->options.caps.text_bytes_max) {
    cap("text");
    text = text.substr(0, tables_->options.caps.text_bytes_max);
  }
  Level level;
  level.text = text;
  scan_level(level);
}

void Workspace::scan_level(const Level& level) {
  const Level* above = level_;
  level_ = &level;
  out_->work_ += level.text.size();
  if (level.depth == 0) guesses_[0] = guesses_[1] = names_at_end_ = false;
  triggers();
  if (!level.marks_only && !level.seams.at) {
    if (tables_->personal) find_personal(*this);
    find_hidden(*this);
  }
  if (known_ != nullptr) known_secrets();
  if (!level.marks_only) decode();
  level_ = above;
}

void Workspace::triggers() {
  hits_.clear();
  ++turn_;
  if (!tables_->prefilter->scan(text(), scratch_, hits_, kHitsMax)) cap("hits");
  for (const Hit& hit : hits_)
    for (std::uint32_t phrase : tables_->needed[hit.literal]) {
      Needed& needed = needed_[phrase];
      if (needed.turn != turn_) needed.turn = turn_, needed.ends.clear();
      needed.ends.push_back(hit.end);
    }
  for (const Hit& hit : hits_)
    for (const Trigger& trigger : tables_->triggers[hit.literal]) {
      if (!spend(16)) return;
      confirm(*this, trigger, hit.end, static_cast<std::uint32_t>(tables_->literals[hit.literal].size()));
      names_at_end_ |= trigger.family >= Family::Context && trigger.family <= Family::Header && hit.end + kNearEnd >= text().size();
    }
}

bool Workspace::needed_in(std::uint32_t phrase, std::uint32_t begin, std::uint32_t end) const {
  const Needed& needed = needed_[phrase];
  if (needed.turn != turn_) return false;
  auto first = std::upper_bound(needed.ends.begin(), needed.ends.end(), begin);
  return first != needed.ends.end() && *first <= end;
}

void Workspace::finish() {
  auto& items = out_->items_;
  auto rank = [](const Finding& finding) {
    bool catch_all = finding.rule.starts_with("secrets.generic");
    return std::pair(catch_all ? 0 : 1, static_cast<int>(finding.confidence));
  };
  auto covered = [&](const Finding& finding) {
    if (finding.pack != Pack::Secrets) return false;
    return std::any_of(items.begin(), items.end(), [&](const Finding& other) {
      return &other != &finding && other.pack == Pack::Secrets && other.where == finding.where && other.in_key == finding.in_key &&
             other.begin < finding.end && finding.begin < other.end && rank(finding) < rank(other);
    });
  };
  if (items.size() < 2) return;
  std::vector<bool> drop(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) drop[i] = covered(items[i]);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < items.size(); ++i)
    if (!drop[i]) {
      if (kept != i) items[kept] = std::move(items[i]);
      ++kept;
    }
  items.erase(items.begin() + static_cast<std::ptrdiff_t>(kept), items.end());
}

}  // namespace callgate::inspection
