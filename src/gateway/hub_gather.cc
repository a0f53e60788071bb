// Lists gathered from every server, and names put into the words of the shared endpoint.

#include <algorithm>
#include <charconv>

#include "gateway/hub_question.h"
#include "gateway/rewrite.h"
#include "gateway/worker.h"

namespace callgate::gateway {
namespace {

constexpr std::size_t kPageItems = 1'000;
constexpr int kInnerPagesMax = 100;

}  // namespace

// ---- gathering ------------------------------------------------------------------------------------------------------

void Hub::Question::gather(std::string_view list) {
  mode_ = Mode::Gather;
  list_ = list;
  for (const auto* server : shared_servers(*caller_.snapshot->catalog, *caller_.grant)) {
    members_.emplace_back();
    members_.back().server = server;
  }
  left_ = members_.size() + 1;  // held until all are asked
  for (std::size_t i = 0; i < members_.size(); ++i) ask_page(i, {});
  if (--left_ == 0) finish_gathering();
}

void Hub::Question::ask_page(std::size_t position, std::string_view cursor) {
  Member& member = members_[position];
  ++member.pages;
  member.text.clear();
  member.streams = false;
  std::string body;
  json::Writer writer(body);
  writer.begin_object().member("jsonrpc", "2.0").key("id").raw(message_.id.raw()).member("method", message_.method);
  writer.key("params").begin_object().key("_meta").raw(message_.params["_meta"].raw());
  if (!cursor.empty()) writer.member("cursor", cursor);
  writer.end_object().end_object();
  ask(*member.server, position, body, {});
}

void Hub::Question::take_page(std::size_t position) {
  Member& member = members_[position];
  json::Document page;
  std::string_view data = member.text;
  std::string last;
  if (member.streams) {  // an answer that came as events: the last message is it
    session::SseReader reader(16 * 1024 * 1024);
    (void)reader.add(member.text, [&](const session::SseEvent& event) {
      if (event.has_data && !event.data.empty()) last = event.data;
      return true;
    });
    data = last;
  }
  json::Caps caps;
  caps.bytes_max = member.server->server.response_bytes_max;
  bool good = page.parse(data, caps).has_value();
  json::Value items = good ? page.root()["result"][list_] : json::Value();
  bool none = good && page.root()["error"]["code"].number() == "-32601";  // a server without prompts is not a broken one
  member.failed = !items.is_array() && !none;
  items.for_each_element([&](json::Value item) {
    if (std::string text = shared_item(*member.server, item); !text.empty()) member.items.push_back(std::move(text));
  });
  json::Value next = page.root()["result"]["nextCursor"];
  if (good && next.is_string() && !next.string().empty() && member.pages < kInnerPagesMax) {
    std::string cursor(next.string());
    ++left_;
    ask_page(position, cursor);
  }
  if (--left_ == 0) finish_gathering();
}

// A list entry under its shared name; empty: not offered here.
std::string Hub::Question::shared_item(const catalog::ServerEntry& server, json::Value item) const {
  const std::string& slug = server.server.slug;
  std::string name;
  std::string_view renamed = "name";
  if (list_ == "tools") name = hub_.names_for(*caller_.snapshot, *caller_.grant).shared(server, item["name"].string());
  else if (list_ == "prompts") name = shared_prompt(slug, item["name"].string());
  else renamed = list_ == "resources" ? "uri" : "uriTemplate", name = shared_uri(slug, item[renamed].string());
  if (name.empty() || !item.is_object()) return {};
  std::string out;
  json::Writer writer(out);
  const auto say = [&](std::string_view key, std::string_view text) {
    writer.key(key).string(text);
    return true;
  };
  rewrite(writer, item, [&](std::string_view key, json::Value value) {
    if (key == renamed) return say(key, name);
    if (list_ != "tools" || key != "_meta" || !value["ui"]["resourceUri"].is_string()) return false;
    rewrite(writer.key(key), value, [&](std::string_view meta, json::Value about) {  // MCP Apps: a tool's page is a resource of its server
      if (meta == "ui/resourceUri" && about.is_string()) return say(meta, shared_uri(slug, about.string()));
      if (meta != "ui") return false;
      rewrite(writer.key(meta), about, [&](std::string_view field, json::Value given) {
        return field == "resourceUri" && say(field, shared_uri(slug, given.string()));
      });
      return true;
    });
    return true;
  });
  return out;
}

void Hub::Question::finish_gathering() {
  std::size_t from = 0;
  std::string_view cursor = message_.params["cursor"].string();
  if (message_.params["cursor"].exists() && !cursor.empty()) {
    auto [end, error] = std::from_chars(cursor.data(), cursor.data() + cursor.size(), from);
    if (error != std::errc() || end != cursor.data() + cursor.size())
      return answer_error(session::kInvalidParams, "unknown cursor: begin the list anew");
  }
  std::string body, failed;
  json::Writer writer(body);
  writer.begin_object().member("jsonrpc", "2.0").key("id").raw(message_.id.raw()).key("result").begin_object();
  writer.member("resultType", "complete").key(list_).begin_array();
  std::size_t at = 0;
  for (const Member& member : members_)
    for (const std::string& item : member.items)
      if (++at > from && at <= from + kPageItems) writer.raw(item);
  writer.end_array();
  if (at > from + kPageItems) writer.member("nextCursor", std::to_string(from + kPageItems));
  writer.member("ttlMs", std::int64_t{0}).member("cacheScope", "private");
  if (std::ranges::any_of(members_, &Member::failed)) {
    writer.key("_meta").begin_object().key("callgate/unavailable").begin_array();
    for (const Member& member : members_)
      if (member.failed) writer.string(member.server->server.slug);
    writer.end_array().end_object();
  }
  writer.end_object().end_object();
  answer(body);
}

// ---- one server's answer, passed on ---------------------------------------------------------------------------------

void Hub::Question::append_shared(std::string& out, json::Value message) const {
  const std::string& slug = server_->server.slug;
  json::Writer writer(out);
  const auto share = [&](std::string_view name, json::Value value) {
    writer.key(name).string(shared_uri(slug, value.string()));
    return true;
  };
  const auto with_uri = [&](json::Value object) {
    rewrite(writer, object,
            [&](std::string_view key, json::Value value) { return key == "uri" && value.is_string() && share(key, value); });
  };
  const auto content = [&](json::Value block) {
    if (block["type"].string() == "resource_link") return with_uri(block);
    if (block["type"].string() != "resource") return void(writer.raw(block.raw()));
    append_with(writer, block, "resource", with_uri);
  };
  append_with(writer, message, "result", [&](json::Value result) {
    rewrite(writer, result, [&](std::string_view name, json::Value member) {
      if (name == "taskId" && member.is_string()) return share(name, member);
      if ((name != "content" && name != "contents") || !member.is_array()) return false;
      writer.key(name).begin_array();
      member.for_each_element([&](json::Value block) {
        if (name == "contents" && block.is_object()) with_uri(block);
        else content(block);
      });
      writer.end_array();
      return true;
    });
  });
}

void Hub::Question::relay(std::string_view data) {
  json::Document message;
  std::string shared;
  json::Caps caps;
  caps.bytes_max = server_->server.response_bytes_max;
  bool plain = data.find("\"uri\"") == std::string_view::npos && data.find("\"taskId\"") == std::string_view::npos;
  if (!plain && message.parse(data, caps)) append_shared(shared, message.root());
  std::string_view body = shared.empty() ? data : std::string_view(shared);
  if (!stream_) return sink_->on_body(body);
  std::string event;
  session::append_sse(event, {.event = "message", .data = body, .id = {}, .retry_ms = {}, .has_data = true});
  sink_->on_body(event);
}

void Hub::Question::on_part_head(Part& part, const listener::ResponseHead& response, bool stream) {
  bool events = response.content_type == "text/event-stream";
  if (mode_ == Mode::Gather) {
    members_[part.position()].streams = events;
    return;
  }
  if (sink_ == nullptr || mode_ == Mode::Listen) return;
  stream_ = events;
  net::Head head;
  head.status = response.status;
  if (!response.content_type.empty()) head.add({"content-type", response.content_type});
  head.add({"callgate-recorded", "1"});
  sink_->on_head(head);
  (void)stream;
}

bool Hub::Question::on_part_body(Part& part, std::string_view piece) {
  if (mode_ == Mode::Gather) {
    members_[part.position()].text += piece;
    return true;
  }
  if (sink_ == nullptr) return true;
  if (mode_ == Mode::Listen) {
    std::size_t position = part.position();
    if (part_of(position) != &part) return true;  // one that was given up
    (void)subscriptions_[position].events->add(piece, [&](const session::SseEvent& event) {
      if (event.has_data && !event.data.empty()) heard(position, event.data);
      return sink_ != nullptr;
    });
    return !paused_;
  }
  if (!stream_) {
    text_ += piece;
    return true;
  }
  auto read = events_.add(piece, [this](const session::SseEvent& event) {
    if (sink_ != nullptr && event.has_data && !event.data.empty()) relay(event.data);
    return sink_ != nullptr;
  });
  if (!read && sink_ != nullptr) {
    part.abandon();
    on_part_end(part, false);
  }
  return !paused_;
}

void Hub::Question::on_part_end(Part& part, bool whole) {
  if (mode_ == Mode::Gather) {
    if (!whole) members_[part.position()].text.clear();
    return take_page(part.position());
  }
  if (sink_ == nullptr) return;
  if (mode_ == Mode::Listen) return subscription_over(part.position());
  if (whole && !stream_ && !text_.empty()) relay(text_);
  if (sink_ == nullptr) return;
  if (whole) return end();
  auto* sink = std::exchange(sink_, nullptr);
  hub_.done(*this);
  sink->on_error({Code::Unavailable, "upstream.reset", "the server's answer was cut off", {}}, true);
}

}  // namespace callgate::gateway
