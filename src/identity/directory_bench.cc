// How long a fresh directory of 10,000 grants takes, and one look-up in it, in CPU time. See README.md for the command.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "base/testing/cpu_time.h"
#include "identity/identity.h"
#include "store/testing/temporary_folder.h"

using namespace callgate;

namespace {

std::string fill(identity::IdentityStore& identity) {
  Principal user;
  user.name = "bench";
  user = identity.add_principal(user).value();
  if (!identity.put_role({"support", "", {{"*", {"get_*", "list_accounts"}}}})) std::abort();
  std::string header;
  for (int i = 0; i < 10'000; ++i) {
    identity::NewGrant grant;
    grant.label = "client number " + std::to_string(i);
    grant.principal_id = user.id;
    grant.role = "support";
    grant.servers = {"00000000-0000-4000-8000-000000000000", "00000000-0000-4000-8000-000000000001"};
    auto minted = identity.mint(grant).value();
    if (i == 5'000) header = "Bearer " + std::string(minted.token.reveal());
  }
  return header;
}

}  // namespace

int main() {
  store::testing::TemporaryFolder folder;
  SystemClock clock;
  auto database = store::open_sqlite(folder.file("bench.db")).value();
  auto identity = identity::IdentityStore::open(*database, clock, folder.path()).value();
  std::string header = fill(*identity);
  std::printf("directory, read and built      %7.2f ms\n",
              bench::best_of_five([&] { identity::IdentityStore::open(*database, clock, folder.path()).value()->directory().value(); }));
  auto grant = identity->grant("client number 7").value();
  identity->directory().value();
  std::printf("directory, one grant changed   %7.2f ms\n", bench::best_of_five([&] {
                grant = identity->update_grant(grant).value();
                identity->directory().value();
              }));
  auto directory = identity->directory().value();
  auto remote = IpAddress::parse("192.0.2.7").value();
  auto now = clock.now();
  constexpr int kCalls = 100'000;
  double spent = bench::best_of_five([&] {
    for (int i = 0; i < kCalls; ++i)
      if (!directory->authenticate(header, remote, now)) std::abort();
  });
  std::printf("authenticate                   %7.3f us\n", spent * 1'000 / kCalls);
}
