// The promise of the hot path: a call on a pooled connection allocates nothing. Counted by the sanitizer's hooks, on this thread only.

#include "upstream/testing/thread_server.h"
#include "upstream/testing/upstream_fixture.h"

#if defined(__SANITIZE_ADDRESS__)
// As in sanitizer/allocator_interface.h, which not every package of gcc carries.
extern "C" int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void*, std::size_t),
                                                         void (*on_free)(const volatile void*));
#endif

namespace callgate::upstream {
namespace {

#if defined(__SANITIZE_ADDRESS__)

thread_local bool g_counting = false;
thread_local std::size_t g_allocations = 0;

void count(const volatile void*, std::size_t) {
  if (g_counting) ++g_allocations;
}
void ignore(const volatile void*) {}

class CountingSink final : public ResponseSink {
 public:
  std::size_t bytes = 0, ends = 0, errors = 0;
  void on_head(const net::Head&) override {}
  void on_body(std::string_view piece) override { bytes += piece.size(); }
  void on_end() override { ++ends; }
  void on_error(const Error&, bool) override { ++errors; }
};

TEST(Allocation, APooledCallAllocatesNothing) {
  ThreadServer web([](const SeenRequest&) { return std::string(UpstreamFixture::kOk); });
  auto loop = std::move(*net::Loop::create());
  net::Offload offload(1, 4);
  Upstreams upstreams(*loop, offload, {});
  Server server;
  server.id = "8b0c8c0e-8a0f-4b5e-9a57-000000000001";
  server.url = *Url::parse("http://127.0.0.1:" + std::to_string(web.port) + "/mcp");
  server.allow_private = true;
  const vault::Credentials credentials(Secret("Authorization: Bearer s3cr3t\r\n"));
  const std::string body(1000, 'b');
  const ClearedCall call = Clearance::make("POST", UpstreamFixture::kHead, body);
  CountingSink sink;
  const auto exchange = [&] {
    const std::size_t before = sink.ends;
    upstreams.send({&server, &credentials}, call, sink);
    for (int i = 0; i < 2000 && sink.ends == before && sink.errors == 0; ++i) loop->run_once(std::chrono::milliseconds(5));
  };
  for (int i = 0; i < 3; ++i) exchange();
  ASSERT_EQ(sink.ends, 3U);
  ASSERT_EQ(__sanitizer_install_malloc_and_free_hooks(&count, &ignore) > 0, true);
  g_counting = true;
  for (int i = 0; i < 100; ++i) exchange();
  g_counting = false;
  EXPECT_EQ(sink.ends, 103U);
  EXPECT_EQ(sink.errors, 0U);
  EXPECT_EQ(g_allocations, 0U);
  EXPECT_EQ(upstreams.stats().connects, 1U);
}

#endif

}  // namespace
}  // namespace callgate::upstream
