#include "session/features.h"

namespace callgate::session {

bool ClientFeatures::can(std::string_view method, json::Value params) const {
  if (method == "sampling/createMessage") return sampling;
  if (method == "roots/list") return roots;
  if (method != "elicitation/create") return false;
  json::Value mode = params["mode"];
  if (!mode.exists() || mode.string() == "form") return elicitation_form;
  return mode.string() == "url" && elicitation_url;
}

ClientFeatures read_features(json::Value capabilities) {
  ClientFeatures features;
  json::Value elicitation = capabilities["elicitation"];
  features.elicitation_url = elicitation["url"].is_object();
  features.elicitation_form = elicitation.is_object() && (elicitation["form"].is_object() || !features.elicitation_url);
  features.sampling = capabilities["sampling"].is_object();
  features.roots = capabilities["roots"].is_object();
  return features;
}

std::string_view capability_for(std::string_view method) {
  if (method == "elicitation/create") return "elicitation";
  if (method == "sampling/createMessage") return "sampling";
  if (method == "roots/list") return "roots";
  return {};
}

}  // namespace callgate::session
