// How long a fresh snapshot takes with 1,000 servers, 10,000 tools and 100 policies, in CPU time. See README.md for the command.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "base/crypto.h"
#include "base/testing/cpu_time.h"
#include "catalog/catalog.h"
#include "store/testing/temporary_folder.h"

using namespace callgate;

namespace {

constexpr std::string_view kPolicy =
    "version: \"1\"\ndefault: deny\ntools:\n  refund:\n    require:\n      - conditions: [{path: args.amount, op: lte, value: 100}]\n";

void fill(catalog::CatalogStore& catalog) {
  for (int i = 0; i < 100; ++i) catalog.put_policy("policy-" + std::to_string(i), kPolicy, "bench", "").value();
  std::vector<Tool> tools(10);
  for (int i = 0; i < 10; ++i) tools[static_cast<std::size_t>(i)].name = "a_tool_with_a_name_" + std::to_string(i);
  for (int i = 0; i < 1'000; ++i) {
    Server server;
    server.name = "Server " + std::to_string(i);
    server.url = Url::parse("https://mcp.example.com/mcp").value();
    server.policy = "policy-" + std::to_string(i % 100);
    auto added = catalog.add_server(server, {{"Authorization", Secret("Bearer 0123456789012345678901234567890123456789")}}).value();
    if (!catalog.put_tools(added.id, tools)) std::abort();
  }
}

}  // namespace

int main() {
  store::testing::TemporaryFolder folder;
  SystemClock clock;
  auto database = store::open_sqlite(folder.file("bench.db")).value();
  auto vault = vault::open_vault(folder.path()).value();
  auto catalog = catalog::CatalogStore::open(*database, *vault, clock).value();
  fill(*catalog);
  double cold = bench::cpu_ms();
  catalog::CatalogStore::open(*database, *vault, clock).value()->catalog().value();
  std::printf("catalog, nothing compiled yet  %7.2f ms\n", bench::cpu_ms() - cold);
  std::printf("catalog, after one change      %7.2f ms\n", bench::best_of_five([&] { catalog->catalog().value(); }));
}
