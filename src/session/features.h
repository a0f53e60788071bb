#pragma once
// What a client declared it can be asked, in either era: `capabilities` of initialize, or the per-request metadata.
// Source: MCP specification, client features; `elicitation: {}` means forms only (2025-11-25 and later).

#include <string_view>

#include "json/document.h"

namespace callgate::session {

struct ClientFeatures {
  bool elicitation_form = false, elicitation_url = false, sampling = false, roots = false;

  // For a request of a server: elicitation/create (by params.mode), sampling/createMessage, roots/list. Others: false.
  bool can(std::string_view method, json::Value params) const;
};

ClientFeatures read_features(json::Value capabilities);

// The capability a client must declare for a server to send this request; empty for methods that no server sends.
std::string_view capability_for(std::string_view method);

}  // namespace callgate::session
