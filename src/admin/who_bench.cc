// How long `policy who` takes over 1,000 and 10,000 grants, the whole request on the control socket. README.md has the command.
#include <cstdio>
#include <cstdlib>

#include "admin/testing/control_plane.h"
#include "base/testing/cpu_time.h"

using namespace callgate;

namespace {

class WhoBench : public admin::testing::ControlPlane {
 public:
  void TestBody() override {
    SetUp();
    for (const Answer& made : {put_policy(), add_server()})
      if (made.status != 201) std::fputs((made.body + "\n").c_str(), stderr), std::abort();
    Principal user;
    user.name = "ada";
    user = identity_->add_principal(user).value();
    if (!identity_->put_role({"support", "", {{"*", {"*"}}}})) std::abort();
    identity::NewGrant grant;
    grant.principal_id = user.id;
    grant.role = "support";
    grant.servers = {"*"};
    grant.policy = "refunds";
    int minted = 0;
    for (int wanted : {1'000, 10'000}) {
      for (; minted < wanted; ++minted) {
        grant.label = "client number " + std::to_string(minted);
        if (auto made = identity_->mint(grant); !made) std::fputs((made.error().message + "\n").c_str(), stderr), std::abort();
      }
      for (const char* arguments : {"", R"(,"arguments":{"amount":50})"}) time_of(wanted, arguments);
    }
  }

 private:
  void time_of(int grants, const std::string& arguments) {
    const std::string body = R"({"server":"refunds","tool":"refund_payment")" + arguments + "}";
    double best = bench::best_of_five([&] {
      auto answer = ask("POST", "/api/v1/policy-who?limit=100", body);
      if (answer.status != 200) std::fputs((answer.body + "\n").c_str(), stderr), std::abort();
    });
    std::printf("%6d grants, arguments %-7s %8.2f ms, %6.2f us a grant\n", grants, arguments.empty() ? "unknown" : "known", best,
                best * 1000 / grants);
  }
};

}  // namespace

int main() {
  WhoBench bench;
  bench.TestBody();
}
