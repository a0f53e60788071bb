// The `inspect` blocks: which packs look at arguments and results, and what a finding of each costs.

#include <algorithm>

#include "policy/compile.h"
#include "policy/fields.h"

namespace callgate::policy {
namespace {

using inspection::Pack;
using inspection::PackMask;

constexpr std::string_view kActions[] = {"off", "flag", "redact", "ask", "deny"};
constexpr std::string_view kConfidences[] = {"low", "medium", "high"};
struct PackName {
  std::string_view name;
  Pack pack;
};
constexpr PackName kPackNames[] = {{"secrets", Pack::Secrets},
                                   {"seed_secrets", Pack::SeedSecrets},
                                   {"personal_data", Pack::PersonalData},
                                   {"poisoning", Pack::Poisoning},
                                   {"code", Pack::Code},
                                   {"vault", Pack::Vault}};

std::size_t at_of(Pack pack) { return static_cast<std::size_t>(pack); }

std::string nearest_name(std::string_view word) {
  std::vector<std::string_view> known;
  for (const auto& one : kPackNames) known.push_back(one.name);
  for (const inspection::Rule* rule : inspection::rules()) known.push_back(rule->id);
  std::string_view near = nearest(word, known);
  if (!near.empty()) return "; did you mean `" + std::string(near) + "`?";
  return "; packs: secrets, seed_secrets, personal_data, poisoning, code, vault; rules are listed in docs/reference/inspection.md";
}

}  // namespace

std::string_view inspect_action_name(InspectAction action) { return kActions[static_cast<std::size_t>(action)]; }

// `off` without quotes is a boolean to some readers of YAML; it means the same here.
std::optional<InspectWord> Compiler::inspect_word(const Node& node, const std::string& pointer) {
  InspectWord word{InspectAction::Off, pointer, node.line};
  if (node.is(Node::Kind::Bool) && node.text == "false") return word;
  auto found = node.is(Node::Kind::String) ? std::find(std::begin(kActions), std::end(kActions), node.text) : std::end(kActions);
  if (found == std::end(kActions)) {
    problems.error(node, pointer,
                   "what a finding costs is one of off, flag, redact, ask, deny, not " +
                       (node.scalar() ? "`" + shown(node.text) + "`" : std::string(kind_name(node.kind))));
    return std::nullopt;
  }
  word.action = static_cast<InspectAction>(found - std::begin(kActions));
  return word;
}

// Packs and rules by name, or only rules.
void Compiler::inspect_words(const Node& map, const std::string& pointer, InspectBlock& out, std::span<const Direction> ways) {
  if (!map.is(Node::Kind::Map))
    return problems.error(map, pointer, "write a map from what is looked for to what a finding costs, such as `secrets: deny`");
  for (std::size_t i = 0; i < map.keys.size() && i < map.items.size(); ++i) {
    const auto& key = map.keys[i];
    std::string at = child_pointer(pointer, key.name);
    auto word = inspect_word(map.items[i], at);
    auto pack = std::find_if(std::begin(kPackNames), std::end(kPackNames), [&](const PackName& one) { return one.name == key.name; });
    const inspection::Rule* rule = inspection::find_rule(key.name);
    if (pack != std::end(kPackNames) && ways.size() == 1) {
      if (word) out.ways[static_cast<std::size_t>(ways[0])].packs[at_of(pack->pack)] = *word;
    } else if (rule != nullptr) {
      for (Direction way : ways)
        if (word) out.ways[static_cast<std::size_t>(way)].rules.push_back({rule, *word});
    } else if (pack != std::end(kPackNames)) {
      problems.error_at(key.line, key.column, at, "`" + key.name + "` is a pack: name it below `arguments` or `results`");
    } else {
      problems.error_at(key.line, key.column, at, "there is no pack or rule `" + shown(key.name) + "`" + nearest_name(key.name));
    }
  }
}

std::optional<std::uint32_t> Compiler::inspect(const Node& map, const std::string& pointer) {
  const Node* node = map.find("inspect");
  if (!node) return std::nullopt;
  std::string at = child_pointer(pointer, "inspect");
  if (!fields(*node, at, "inspect", kInspectFields)) return std::nullopt;
  text_field(*node, at, "description");
  InspectBlock block;
  block.line = node->line;
  block.shadow = shadow_mode(*node, at);
  if (node->find("confidence")) block.confidence = static_cast<inspection::Confidence>(choice(*node, at, "confidence", kConfidences, 1));
  constexpr Direction kArguments[] = {Direction::Arguments}, kResults[] = {Direction::Results},
                      kBoth[] = {Direction::Arguments, Direction::Results};
  if (const Node* words = node->find("arguments")) inspect_words(*words, child_pointer(at, "arguments"), block, kArguments);
  if (const Node* words = node->find("results")) inspect_words(*words, child_pointer(at, "results"), block, kResults);
  if (const Node* words = node->find("rules")) inspect_words(*words, child_pointer(at, "rules"), block, kBoth);
  for (std::size_t i = 0; i < block.ways.size(); ++i) {
    auto& way = block.ways[i];
    auto& packs = way.packs;
    if (!packs[at_of(Pack::Vault)]) packs[at_of(Pack::Vault)] = packs[at_of(Pack::Secrets)];  // the secrets we know best
    for (std::size_t pack = 0; pack < packs.size(); ++pack)
      if (packs[pack]) (packs[pack]->action == InspectAction::Off ? way.off : way.on) |= inspection::mask_of(static_cast<Pack>(pack));
    for (const auto& of_rule : way.rules)
      if (of_rule.word.action != InspectAction::Off) way.by_rule |= inspection::mask_of(of_rule.rule->pack);
    way.by_rule &= static_cast<PackMask>(~inspection::mask_of(Pack::Inspection));
    program.inspect_packs[i] |= way.on | way.by_rule;
  }
  program.inspects.push_back(std::move(block));
  return static_cast<std::uint32_t>(program.inspects.size() - 1);
}

}  // namespace callgate::policy
