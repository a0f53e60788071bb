#include "gateway/tool_search.h"

#include <algorithm>
#include <cmath>

#include "json/writer.h"

namespace callgate::gateway {
namespace {

// Robertson's usual values. With a name that weighs three times, a short exact name wins over a long text that mentions it.
constexpr double kSaturation = 1.2;
constexpr double kLengthShare = 0.75;
constexpr std::size_t kQueryWordsMax = 32;

std::vector<std::uint64_t> query_words(std::string_view query) {
  auto words = catalog::words_of(query.substr(0, 1'000));
  std::ranges::sort(words);
  words.erase(std::unique(words.begin(), words.end()), words.end());
  if (words.size() > kQueryWordsMax) words.resize(kQueryWordsMax);
  return words;
}

struct Document {
  FoundTool found;
  const catalog::ToolText* text;
};

}  // namespace

std::vector<FoundTool> search_tools(const HubNames& names, std::string_view query, std::size_t limit, std::size_t& total) {
  std::vector<Document> documents;
  double length = 0;
  for (const auto& [name, tool] : names.all()) {
    const schema::Schema* schema = tool.server->input_schema(tool.tool);
    if (schema != nullptr && !schema->mirrored().valid) continue;  // N12: not offered in this revision
    const catalog::ToolText* text = tool.server->text(tool.tool);
    documents.push_back({{name, &tool, 0}, text});
    length += text != nullptr ? text->length : 0;
  }
  auto words = query_words(query);
  double average = documents.empty() ? 1 : std::max(1.0, length / static_cast<double>(documents.size()));
  std::vector<std::uint32_t> weights(documents.size());
  for (std::uint64_t word : words) {
    std::size_t with = 0;
    for (std::size_t i = 0; i < documents.size(); ++i) {
      weights[i] = documents[i].text != nullptr ? documents[i].text->weight(word) : 0;
      with += weights[i] > 0;
    }
    double rarity = std::log(1 + (static_cast<double>(documents.size() - with) + 0.5) / (static_cast<double>(with) + 0.5));
    for (std::size_t i = 0; i < documents.size(); ++i) {
      if (weights[i] == 0) continue;
      double weight = weights[i], norm = 1 - kLengthShare + kLengthShare * documents[i].text->length / average;
      documents[i].found.score += rarity * weight * (kSaturation + 1) / (weight + kSaturation * norm);
    }
  }
  std::vector<FoundTool> found;
  for (const Document& document : documents)
    if (words.empty() || document.found.score > 0) found.push_back(document.found);
  total = found.size();
  auto better = [](const FoundTool& a, const FoundTool& b) {
    return a.score != b.score ? a.score > b.score : a.shared_name < b.shared_name;
  };
  limit = std::min(limit, found.size());
  if (limit == 0) return {};
  std::ranges::partial_sort(found, found.begin() + static_cast<std::ptrdiff_t>(limit), better);
  found.resize(limit);
  return found;
}

void append_search_list(std::string& out, const HubNames& names, const std::vector<const catalog::ServerEntry*>& servers) {
  std::string about = "Finds tools by words. " + std::to_string(names.all().size()) + " tools are there, of these servers: ";
  for (std::size_t i = 0; i < servers.size() && i < 100; ++i) (about += i == 0 ? "" : ", ") += servers[i]->server.name;
  about += ". Answers with the best matches: name, description and inputSchema of each. Then use call_tool.";
  json::Writer writer(out);
  writer.begin_array().begin_object().member("name", kSearchTools).member("title", "Search tools").member("description", about);
  writer.key("inputSchema")
      .raw(R"({"type":"object","properties":{"query":{"type":"string","maxLength":1000,"description":"What the tool )"
           R"(should do, in a few words. Empty: all tools by name."},"limit":{"type":"integer","minimum":1,)"
           R"("maximum":50,"description":"How many to answer with; 8 if not said."}},"required":["query"]})");
  writer.key("outputSchema")
      .raw(R"({"type":"object","properties":{"tools":{"type":"array","items":{"type":"object"}},)"
           R"("total":{"type":"integer"}},"required":["tools","total"]})");
  writer.key("annotations").raw(R"({"readOnlyHint":true,"openWorldHint":false})").end_object();
  writer.begin_object().member("name", kCallTool).member("title", "Call a tool");
  writer.member("description", "Calls a tool that search_tools found, by its name and with arguments that fit its inputSchema.");
  writer.key("inputSchema")
      .raw(R"({"type":"object","properties":{"name":{"type":"string","description":"As search_tools named it."},)"
           R"("arguments":{"type":"object","description":"The tool's own arguments."}},"required":["name"]})");
  writer.end_object().end_array();
}

}  // namespace callgate::gateway
