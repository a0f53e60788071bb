#pragma once
// Answers and how domain values look in JSON. The only table from Code to HTTP status of the control plane. Inner header of admin/.

#include <string>
#include <string_view>
#include <vector>

#include "admin/route.h"

namespace callgate::admin {

int http_status(Code code);
// {"error":{"code","reason","message"[,"fix"]}[,<extra members>]}; `extra` is JSON members without braces.
std::string error_body(const Error& error, std::string_view fix = {}, std::string_view extra = {});
Reply error_reply(const Error& error, std::string_view fix = {}, std::string_view extra = {});

// Reply whose body `fill` writes with a Writer.
template <class Fill> Reply json_reply(int status, Fill&& fill) {
  Reply reply;
  reply.status = status;
  json::Writer writer(reply.body);
  fill(writer);
  reply.body += '\n';
  return reply;
}

// One page of `items`, which are in order of `key_of`: {"items":[...],"next":<cursor or null>}. Honours limit and cursor of the query.
struct Page {
  std::size_t first = 0, count = 0;
  std::string next;
};
Result<Page> page_of(const Context& context, std::size_t total, const std::function<std::string(std::size_t)>& key_of);
inline constexpr FieldRule kLimitRule{"limit", Shape::Number, false, "items on one page, 1 to 1000; default 100"};
inline constexpr FieldRule kCursorRule{"cursor", Shape::Text, false, "`next` of the page before"};

template <class Item, class Key, class Write>
Result<Reply> list_reply(const Context& context, const std::vector<Item>& items, Key&& key, Write&& write) {
  CG_TRY(Page page, page_of(context, items.size(), [&](std::size_t i) { return std::string(key(items[i])); }));
  return json_reply(200, [&](json::Writer& out) {
    out.begin_object().key("items").begin_array();
    for (std::size_t i = 0; i < page.count; ++i) write(out, items[page.first + i]);
    out.end_array().key("next");
    if (page.next.empty()) out.null();
    else out.string(page.next);
    out.end_object();
  });
}

// Members of a body that check_body() has accepted.
std::string text_of(json::Value body, std::string_view name);
bool flag_of(json::Value body, std::string_view name, bool otherwise);
std::vector<std::string> texts_of(json::Value body, std::string_view name);
std::optional<std::int64_t> number_of(json::Value body, std::string_view name);
Result<std::optional<std::chrono::seconds>> duration_of(json::Value body, std::string_view name);
Result<std::vector<IpRange>> networks_of(json::Value body, std::string_view name);
// A time, or a duration back from now (since=2h); empty text: nothing. InvalidArgument admin.time.
Result<std::optional<WallTime>> moment_of(const Context& context, std::string_view name, std::string_view text);

void write_time(json::Writer& out, std::string_view name, const std::optional<WallTime>& time);  // null when absent or zero
void write_texts(json::Writer& out, std::string_view name, const std::vector<std::string>& texts);
struct ServerMore {  // what is told of one server, not in lists
  std::optional<std::vector<std::string>> weakened;
  std::optional<catalog::Pin> pin;
};
void write_server(json::Writer& out, const Server& server, std::string_view base_url, const ServerMore& more = {});
// Names beside ids, for people. Missing ones stay empty.
struct Names {
  std::map<std::string, std::string, std::less<>> principals, servers;
};
Result<Names> names_of(Services& services);
void write_principal(json::Writer& out, const Principal& principal);
void write_role(json::Writer& out, const Role& role);
void write_grant(json::Writer& out, const Grant& grant, WallTime now, const Names& names);
void write_probe(json::Writer& out, const upstream::ProbeReport& report);
void write_problems(json::Writer& out, const std::vector<policy::Problem>& problems);
Reply refused_draft(const std::vector<policy::Problem>& problems);
void write_api_token(json::Writer& out, const identity::IdentityStore::ApiToken& token);
std::string_view capture_name(Capture capture);
std::string_view deny_as_name(DenyAs deny_as);
std::string_view grant_state(const Grant& grant, WallTime now);  // live | expired | revoked
std::string endpoint_of(const Services& services, const Server& server);

}  // namespace callgate::admin
