#pragma once
// The POST address that a server of HTTP+SSE (2024-11-05) names in the first event of its stream. A server may name a path of its own
// origin and nothing else, or it could send the gate's credentials and calls anywhere (T-65). Inner header of upstream/ and sse/.

#include <string_view>

#include "base/result.h"
#include "model/network.h"

namespace callgate::upstream {

// `named`: absolute, or relative to the stream's own URL. Error: Unavailable upstream.endpoint.
Result<Url> resolve_endpoint(const Url& stream, std::string_view named);

}  // namespace callgate::upstream
