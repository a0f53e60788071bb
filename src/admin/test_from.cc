// A recorded decision as an entry of a document's `tests`. Nothing is stored.
#include "admin/past.h"
#include "admin/reply.h"
#include "backtest/test_entry.h"
#include "policy/edit.h"

namespace callgate::admin {
namespace {

Result<Reply> make(Context& context) {
  CG_TRY(auto past, past_call(context));
  backtest::TestWish wish;
  wish.expect = text_of(context.body, "expect");
  if (!wish.expect.empty() && wish.expect != "allow" && wish.expect != "deny" && wish.expect != "ask")
    return fail(Code::InvalidArgument, "admin.field", "`expect` must be allow, deny or ask");
  wish.policy = text_of(context.body, "policy");
  if (wish.policy.empty()) wish.policy = past->call.policy;
  wish.document = text_of(context.body, "text");
  bool draft = !wish.document.empty();
  if (!draft) {
    if (wish.policy.empty())
      return fail(Code::InvalidArgument, "backtest.not_decided",
                  "no policy decided about this record (`" + past->call.reason + "`), so there is nothing to test");
    CG_TRY(auto stored, context.services.catalog.policy(wish.policy, std::nullopt));
    wish.document = stored.text;
  }
  CG_TRY(auto entry, backtest::test_entry(past->call, past->scene, wish));
  CG_TRY(std::string document, policy::with_test(wish.document, entry.text));
  return json_reply(200, [&](json::Writer& out) {
    out.begin_object().member("policy", wish.policy).member("entry", entry.text).member("passes", entry.disagrees.empty());
    out.member("disagrees", entry.disagrees);
    if (draft) out.member("document", document);
    out.end_object();
  });
}

}  // namespace

void add_test_from_routes(std::vector<Route>& routes) {
  routes.push_back({"POST",
                    "/api/v1/audit/{record}/test",
                    "audit.test",
                    Access::Read,
                    "An entry for a document's `tests` that reproduces the decision; nothing is stored",
                    make,
                    {{"policy", Shape::Text, false, "for this stored policy; default: the one that decided"},
                     {"text", Shape::Text, false, "for this draft; the answer then holds it with the entry in it", Keep::Bulky},
                     {"expect", Shape::Text, false, "allow, deny or ask; default: as it was decided"}}});
}

}  // namespace callgate::admin
