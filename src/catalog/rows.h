#pragma once
// Between rows and nouns, and the checks every write shares. Only this room's .cc files include it.

#include <string>
#include <string_view>
#include <vector>

#include "catalog/catalog.h"

namespace callgate::catalog {

std::span<const store::Migration> migrations();

inline std::int64_t to_row(WallTime time) { return time.time_since_epoch().count(); }
inline WallTime time_from_row(std::int64_t micros) { return WallTime(std::chrono::microseconds(micros)); }

struct SealedHeader {
  std::string server_id, name, sealed;
};

Result<std::vector<Server>> read_servers(store::Transaction& tx);                 // by slug; header names filled in
Result<Server> find_server(store::Transaction& tx, std::string_view id_or_slug);  // NotFound catalog.no_such_server
Result<void> insert_server(store::Transaction& tx, const Server& server);
Result<bool> replace_server(store::Transaction& tx, const Server& server, std::int64_t version);     // false: another version is stored
Result<std::vector<SealedHeader>> read_headers(store::Transaction& tx, std::string_view server_id);  // empty id: of all, by server
Result<void> write_headers(store::Transaction& tx, std::string_view server_id, const std::vector<SealedHeader>& headers);

// The record id a header value is sealed under.
std::string header_record(std::string_view server_id, std::string_view name);
std::string lower_case(std::string_view text);

// One line of printable text of 1 (or 0) to `bytes_max` bytes; InvalidArgument catalog.invalid_text.
Result<void> check_line(std::string_view field, std::string_view text, std::size_t bytes_max);

// URL, limits, names; InvalidArgument catalog.invalid_server. The slug is checked apart.
Result<void> check_server(const Server& server);
Result<void> check_slug(std::string_view slug);  // InvalidArgument catalog.invalid_slug
std::string slug_from(std::string_view name);    // never empty or reserved

}  // namespace callgate::catalog
