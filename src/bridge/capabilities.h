#pragma once
// What a client can be asked, and what a server offers, in the words of each era. Internal to this room.

#include <string>
#include <string_view>

#include "json/document.h"

namespace callgate::bridge {

struct ClientCan {
  bool forms = false, urls = false, sampling = false, sampling_tools = false, roots = false;
  // Whether this may be put to the client: elicitation/create, sampling/createMessage, roots/list.
  bool be_asked(std::string_view method, json::Value params) const;
};
ClientCan read_client_can(json::Value capabilities);

// The client's capabilities as they may be declared on the other side: only what a bridge relays.
std::string declared_capabilities(const ClientCan& can, json::Value capabilities);
// Stands in for a client that does not say who it is, JSON.
std::string own_info();

// What a server offers, without what does not survive the crossing: tasks, experimental, unknown extensions.
std::string offered_capabilities(json::Value capabilities);

}  // namespace callgate::bridge
