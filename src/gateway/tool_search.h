#pragma once
// Tool search at the shared endpoint: where a grant sees many tools, two stand for all. `search_tools` ranks what the grant may see
// (BM25 over name, title, description and parameters), `call_tool` calls one by its shared name. What is called takes the
// same walk as a direct call (T-30). Hidden tools are not counted, so they do not move a rank either. Pure.

#include <string>
#include <string_view>
#include <vector>

#include "gateway/hub_names.h"

namespace callgate::gateway {

constexpr std::string_view kSearchTools = "search_tools";
constexpr std::string_view kCallTool = "call_tool";

struct FoundTool {
  std::string_view shared_name;
  const SharedTool* tool = nullptr;
  double score = 0;
};

// Best first, equal ones by name; at most `limit`. A query without words: all tools by name. `total` becomes how many matched.
std::vector<FoundTool> search_tools(const HubNames& names, std::string_view query, std::size_t limit, std::size_t& total);

// The two entries of tools/list.
void append_search_list(std::string& out, const HubNames& names, const std::vector<const catalog::ServerEntry*>& servers);

}  // namespace callgate::gateway
