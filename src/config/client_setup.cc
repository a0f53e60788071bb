#include "config/client_setup.h"

namespace callgate::config {
namespace {

std::string quote(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) >= 0x20) out += c;
  }
  return out + "\"";
}

std::string headers_of(const ClientTarget& target) { return "{\"Authorization\": " + quote("Bearer " + target.token) + "}"; }

// {"<group>": {"<name>": <entry>}} with the entry on its own line.
ClientSetup json_setup(ClientSetup setup, const ClientTarget& target) {
  setup.form = "json";
  setup.text = "{\n  " + quote(setup.group) + ": {\n    " + quote(target.name) + ": " + setup.entry + "\n  }\n}\n";
  return setup;
}

ClientSetup shell_setup(std::string client, std::string text) {
  ClientSetup setup;
  setup.client = std::move(client);
  setup.form = "shell";
  setup.text = std::move(text);
  return setup;
}

// The command line works as it stands; --write edits the file that the command would edit.
ClientSetup claude_code(const ClientTarget& target) {
  ClientSetup setup = shell_setup("claude-code", "claude mcp add " + target.name + " --transport http " + target.url +
                                                     " --header \"Authorization: Bearer " + target.token + "\"\n");
  setup.user_file = "~/.claude.json";
  setup.project_file = ".mcp.json";
  setup.group = "mcpServers";
  setup.entry = "{\"type\": \"http\", \"url\": " + quote(target.url) + ", \"headers\": " + headers_of(target) + "}";
  return setup;
}

ClientSetup codex(const ClientTarget& target) {
  ClientSetup setup;
  setup.client = "codex";
  setup.form = "toml";
  setup.user_file = "~/.codex/config.toml";
  setup.project_file = ".codex/config.toml";
  setup.group = "mcp_servers." + target.name;
  setup.entry = "[" + setup.group + "]\nurl = " + quote(target.url) +
                "\nhttp_headers = { Authorization = " + quote("Bearer " + target.token) + " }\n";
  setup.text = setup.entry;
  return setup;
}

ClientSetup curl(const ClientTarget& target) {
  return shell_setup("curl", "curl -sS " + target.url +
                                 " \\\n  -H 'Content-Type: application/json' -H 'Accept: application/json, text/event-stream' \\\n"
                                 "  -H 'MCP-Protocol-Version: 2025-11-25' -H 'Authorization: Bearer " +
                                 target.token + "' \\\n  -d '{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}'\n");
}

ClientSetup mcp_remote(std::string client, std::string user_file, const ClientTarget& target) {
  ClientSetup setup;
  setup.client = std::move(client);
  setup.user_file = std::move(user_file);
  setup.group = "mcpServers";
  // The header has no space of its own: some clients split arguments at spaces.
  setup.entry = "{\"command\": \"npx\", \"args\": [\"-y\", \"mcp-remote\", " + quote(target.url) +
                ", \"--header\", \"Authorization:${CALLGATE_AUTHORIZATION}\"], \"env\": {\"CALLGATE_AUTHORIZATION\": " +
                quote("Bearer " + target.token) + "}}";
  return json_setup(std::move(setup), target);
}

ClientSetup plain_json(std::string client, const ClientTarget& target) {
  struct Place {
    std::string_view client, user_file, project_file, group, before_url;
  };
  static constexpr Place places[] = {
      {"cursor", "~/.cursor/mcp.json", ".cursor/mcp.json", "mcpServers", "\"url\": "},
      {"vscode", "~/.config/Code/User/mcp.json", ".vscode/mcp.json", "servers", "\"type\": \"http\", \"url\": "},
      {"gemini", "~/.gemini/settings.json", ".gemini/settings.json", "mcpServers", "\"type\": \"http\", \"url\": "},
      {"windsurf", "~/.codeium/windsurf/mcp_config.json", "", "mcpServers", "\"serverUrl\": "},
      {"zed", "~/.config/zed/settings.json", ".zed/settings.json", "context_servers", "\"url\": "},
      {"json", "", ".mcp.json", "mcpServers", "\"type\": \"http\", \"url\": "},
  };
  ClientSetup setup;
  for (const auto& place : places) {
    if (place.client != client) continue;
    setup.user_file = place.user_file;
    setup.project_file = place.project_file;
    setup.group = place.group;
    setup.entry = "{" + std::string(place.before_url) + quote(target.url) + ", \"headers\": " + headers_of(target) + "}";
  }
  setup.client = std::move(client);
  return json_setup(std::move(setup), target);
}

}  // namespace

const std::vector<std::string_view>& setup_clients() {
  static const std::vector<std::string_view> clients = {"claude-code", "cursor", "vscode",         "codex",      "gemini", "windsurf",
                                                        "zed",         "json",   "claude-desktop", "mcp-remote", "curl"};
  return clients;
}

std::optional<ClientSetup> client_setup(std::string_view client, const ClientTarget& target) {
  bool known = false;
  for (auto name : setup_clients()) known = known || name == client;
  if (!known) return std::nullopt;
  if (client == "claude-code") return claude_code(target);
  if (client == "codex") return codex(target);
  if (client == "curl") return curl(target);
  if (client == "mcp-remote") return mcp_remote("mcp-remote", "", target);
  if (client == "claude-desktop") return mcp_remote("claude-desktop", "~/.config/Claude/claude_desktop_config.json", target);
  return plain_json(std::string(client), target);
}

}  // namespace callgate::config
