#include "bridge/capabilities.h"

#include "bridge/words.h"

namespace callgate::bridge {
namespace {

constexpr std::string_view kUi = "io.modelcontextprotocol/ui";  // carried in _meta and resources, which pass unchanged

void append_extensions(json::Writer& writer, json::Value capabilities) {
  json::Value ui = capabilities["extensions"][kUi];
  if (ui.is_object()) writer.key("extensions").begin_object().key(kUi).raw(ui.raw()).end_object();
}

}  // namespace

ClientCan read_client_can(json::Value capabilities) {
  ClientCan can;
  json::Value elicitation = capabilities["elicitation"];
  can.urls = elicitation["url"].is_object();
  can.forms = elicitation.is_object() && (elicitation["form"].is_object() || !can.urls);  // {} means forms
  can.sampling = capabilities["sampling"].is_object();
  can.sampling_tools = capabilities["sampling"]["tools"].is_object();
  can.roots = capabilities["roots"].is_object();
  return can;
}

bool ClientCan::be_asked(std::string_view method, json::Value params) const {
  if (params["task"].exists()) return false;  // client-side tasks are never declared
  if (method == "roots/list") return roots;
  if (method == "sampling/createMessage")
    return sampling && (sampling_tools || (!params["tools"].exists() && !params["toolChoice"].exists()));
  if (method != "elicitation/create") return false;
  json::Value mode = params["mode"];
  if (!mode.exists() || mode.string() == "form") return forms;
  return mode.string() == "url" && urls;
}

std::string declared_capabilities(const ClientCan& can, json::Value capabilities) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object();
  if (can.forms || can.urls) {
    writer.key("elicitation").begin_object();
    if (can.forms) writer.key("form").begin_object().end_object();
    if (can.urls) writer.key("url").begin_object().end_object();
    writer.end_object();
  }
  if (can.sampling) {
    writer.key("sampling").begin_object();
    if (can.sampling_tools) writer.key("tools").begin_object().end_object();
    writer.end_object();
  }
  if (can.roots) writer.key("roots").begin_object().end_object();
  append_extensions(writer, capabilities);
  writer.end_object();
  return out;
}

std::string own_info() {
  std::string info;
  json::Writer(info).begin_object().member("name", "callgate").member("version", CALLGATE_VERSION).end_object();
  return info;
}

std::string offered_capabilities(json::Value capabilities) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object();
  for (std::string_view name : {"tools", "prompts", "resources", "logging", "completions"})
    if (capabilities[name].is_object()) writer.key(name).raw(capabilities[name].raw());
  append_extensions(writer, capabilities);
  writer.end_object();
  return out;
}

}  // namespace callgate::bridge
