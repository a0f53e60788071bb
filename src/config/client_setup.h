#pragma once
// The exact configuration each AI client wants in order to reach one server through the gate. Pure text; shared by the API
// (setup lines of a grant) and `callgate setup`.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace callgate::config {

struct ClientTarget {
  std::string name;   // as the client will call it: the server's slug
  std::string url;    // <base>/mcp/<uuid>/
  std::string token;  // the grant, or a placeholder
};

struct ClientSetup {
  std::string client;
  std::string form;          // shell | json | toml
  std::string user_file;     // with a leading ~; empty: none
  std::string project_file;  // relative to the project; empty: none
  std::string group;         // JSON: the member that holds entries; TOML: the table prefix
  std::string entry;         // JSON: the entry's value; TOML: the whole table
  std::string text;          // what to show: a command, or a complete small file
};

const std::vector<std::string_view>& setup_clients();
std::optional<ClientSetup> client_setup(std::string_view client, const ClientTarget& target);

}  // namespace callgate::config
