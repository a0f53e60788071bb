#pragma once
// Small pieces of JSON both directions are made of. Internal to this room.

#include <initializer_list>
#include <string>
#include <string_view>

#include "base/crypto.h"
#include "json/document.h"
#include "json/writer.h"
#include "session/jsonrpc.h"

namespace callgate::bridge {

inline constexpr int kMissingCapability = -32021;
inline constexpr int kLegacyNotFound = -32002;
inline constexpr int kUrlsRequired = -32042;
inline constexpr std::string_view kMetaServerInfo = "io.modelcontextprotocol/serverInfo";
inline constexpr std::string_view kMetaLogLevel = "io.modelcontextprotocol/logLevel";
inline constexpr std::string_view kMetaRelatedTask = "io.modelcontextprotocol/related-task";
inline constexpr std::string_view kMetaSubscription = "io.modelcontextprotocol/subscriptionId";

using Keys = std::initializer_list<std::string_view>;

// The members of `object` but those, into an object that is open.
void append_members(json::Writer& writer, json::Value object, Keys except = {});
// `{"jsonrpc":"2.0","id":ID,"result":RESULT}`
std::string result_message(std::string_view id, std::string_view result);
std::string error_message(std::string_view id, int code, std::string_view message, std::string_view data = {});
// The params of a notification with one member replaced at the top and one key taken out of _meta.
std::string renamed_progress(const session::Message& notification, std::string_view token);
std::string without_meta_key(const session::Message& notification, std::string_view key);
std::string with_meta(const session::Message& notification, std::string_view key, std::string_view value);

// `params` without what differs between a call and its retry; the same for any order of keys.
Digest params_digest(json::Value params);

int log_level(std::string_view name);  // 0 debug to 7 emergency; -1: none of them
// What has a counterpart in the other era. The gateway has judged the method already.
bool carried_method(std::string_view method);
bool input_method(std::string_view method);      // may need input: tools/call, prompts/get, resources/read
bool cacheable_method(std::string_view method);  // carries ttlMs and cacheScope
int error_code(json::Value error);

}  // namespace callgate::bridge
