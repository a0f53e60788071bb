#include "upstream/notice.h"

#include "upstream/judged.h"
#include "upstream/probe_http.h"

namespace callgate::upstream {
namespace {

constexpr std::chrono::milliseconds kPatience{10'000};

}  // namespace

Result<void> send_notice(const Url& to, std::string_view json) {
  CG_TRY(auto addresses, judge_own_host(to.host));
  Server server;
  server.url = to;
  server.allow_private = true;
  ProbeRequest request;
  request.headers = {"Content-Type: application/json"};
  request.body = json;
  ProbeClient client(server, {}, addresses);
  auto reply = client.send(request, kPatience);
  if (!reply)
    return fail(Code::Unavailable, "notice.unsent", "the webhook at `" + to.host + "` could not be reached: " + reply.error().message);
  if (reply->status >= 200 && reply->status < 300) return {};
  return fail(Code::Unavailable, "notice.refused", "the webhook at `" + to.host + "` answered " + std::to_string(reply->status));
}

}  // namespace callgate::upstream
