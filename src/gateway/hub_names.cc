#include "gateway/hub_names.h"

#include <algorithm>
#include <utility>

#include "base/encoding.h"
#include "gateway/filter.h"
#include "gateway/tool_search.h"

namespace callgate::gateway {
namespace {

constexpr std::string_view kPrefixMark = "__";  // slugs hold no underscore, so the first one ends the slug: a_b + c is not a + b_c

std::string key_of(std::string_view slug, std::string_view tool) {
  std::string key(slug);
  key += ' ';
  return key += tool;
}

bool slug_text(std::string_view text) {
  return !text.empty() && text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string_view::npos;
}

}  // namespace

const policy::Policy* policy_for(const catalog::Catalog& catalog, const identity::GrantEntry& caller, const catalog::ServerEntry& server) {
  return caller.grant.policy.empty() ? server.policy.get() : catalog.policy(caller.grant.policy);
}

std::vector<const catalog::ServerEntry*> shared_servers(const catalog::Catalog& catalog, const identity::GrantEntry& caller) {
  std::vector<const catalog::ServerEntry*> servers;
  for (const auto& entry : catalog.servers())
    if (!entry.server.disabled && !entry.credentials_unreadable && identity::may_use_server(caller, entry.server))
      servers.push_back(&entry);
  std::ranges::sort(servers, {}, [](const auto* entry) -> std::string_view { return entry->server.slug; });
  return servers;
}

HubNames::HubNames(const catalog::Catalog& catalog, const identity::GrantEntry& caller) {
  std::vector<SharedTool> all;
  std::unordered_map<std::string_view, int> uses{{kSearchTools, 1}, {kCallTool, 1}};  // ours, whether they are offered or not
  for (const auto* server : shared_servers(catalog, caller)) {
    Visibility who{&caller, server, policy_for(catalog, caller, *server)};
    for (const std::string& tool : server->tool_names) {
      ++uses[tool];  // hidden ones too: what a caller may see elsewhere does not tell what is hidden here
      if (visible(who, tool)) all.push_back({server, tool});
    }
  }
  // Names that need no prefix come first, so that no made-up name takes theirs.
  std::stable_partition(all.begin(), all.end(),
                        [&](const SharedTool& tool) { return uses[tool.tool] == 1 && tool.tool.size() <= kSharedNameMax; });
  tools_.reserve(all.size());
  Blake2b digest;
  for (const SharedTool& tool : all) {
    const std::string& slug = tool.server->server.slug;
    std::string name = unique_name(slug, tool.tool, uses[tool.tool] > 1);
    auto placed = tools_.emplace(std::move(name), tool).first;
    names_.emplace(key_of(slug, tool.tool), placed->first);
    digest.add(placed->first);
    digest.add("\n");
  }
  digest_ = digest.finish();
}

std::string HubNames::unique_name(std::string_view slug, std::string_view tool, bool prefixed) const {
  std::string name(tool);
  if (prefixed) name = std::string(slug) + std::string(kPrefixMark) + name;
  if (name.size() <= kSharedNameMax && !tools_.contains(name)) return name;
  Digest digest = sha256(key_of(slug, tool));
  std::string mark = "_" + hex_encode(std::span(digest).first(6));
  name.resize(std::min(name.size(), kSharedNameMax - mark.size()));
  return name += mark;
}

const SharedTool* HubNames::find(std::string_view shared_name) const {
  key_ = shared_name;
  auto found = tools_.find(key_);
  return found == tools_.end() ? nullptr : &found->second;
}

std::string_view HubNames::shared(const catalog::ServerEntry& server, std::string_view tool) const {
  key_ = key_of(server.server.slug, tool);
  auto found = names_.find(key_);
  return found == names_.end() ? std::string_view() : found->second;
}

const HubNames& SharedNames::get(std::uint64_t epoch, const catalog::Catalog& catalog, const identity::GrantEntry& caller) {
  constexpr std::size_t kKept = 1'000;
  if (std::exchange(epoch_, epoch) != epoch) names_.clear();
  std::string view;  // everything visible() asks of a caller
  const auto add = [&view](const std::string& part) { ((view += std::to_string(part.size())) += ':') += part; };
  add(caller.grant.policy);
  add(caller.grant.role);
  for (const std::string& server : caller.grant.servers) add(server);
  auto found = names_.find(view);
  if (found == names_.end()) {
    if (names_.size() >= kKept) names_.clear();  // never what is asked for: it may be in use
    found = names_.emplace(std::move(view), std::make_unique<HubNames>(catalog, caller)).first;
  }
  return *found->second;
}

std::string shared_prompt(std::string_view slug, std::string_view prompt) { return (std::string(slug) += kPrefixMark) += prompt; }
std::string shared_uri(std::string_view slug, std::string_view uri) { return (std::string(slug) += '+') += uri; }

SplitName split_prompt(std::string_view shared) {
  std::size_t mark = shared.find(kPrefixMark);
  if (mark == std::string_view::npos || !slug_text(shared.substr(0, mark))) return {};
  return {shared.substr(0, mark), shared.substr(mark + kPrefixMark.size())};
}

SplitName split_uri(std::string_view shared) {
  std::size_t plus = shared.find('+');
  if (plus == std::string_view::npos || !slug_text(shared.substr(0, plus))) return {};
  return {shared.substr(0, plus), shared.substr(plus + 1)};
}

}  // namespace callgate::gateway
