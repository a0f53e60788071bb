#include "upstream/notice.h"

#include "upstream/probe_http.h"
#include "upstream/resolver.h"
#include "upstream/upstream.h"

namespace callgate::upstream {
namespace {

constexpr std::chrono::milliseconds kPatience{10'000};

}  // namespace

Result<void> send_notice(const Url& to, std::string_view json) {
  Addresses addresses;
  if (auto literal = IpAddress::parse(to.host)) addresses = {*literal};
  else {
    CG_TRY(addresses, look_up(to.host));
  }
  for (const IpAddress& address : addresses)
    if (!check_address(address, true))
      return fail(Code::Unavailable, "notice.address", "the webhook's host `" + to.host + "` leads to an address that is never used");
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
