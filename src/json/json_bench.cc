// How fast the boundary is. Built by hand, see README.md of this folder.

#include <benchmark/benchmark.h>

#include <string>

#include "json/document.h"
#include "json/stream_check.h"

namespace callgate::json {
namespace {

std::string tool_call(std::size_t about_bytes) {
  std::string text =
      R"({"jsonrpc":"2.0","id":17,"method":"tools/call","params":{"name":"refund_payment","arguments":{"charge_id":"ch_105",)"
      R"("amount":5000,"currency":"usd","reason":"Duplicate charge, customer wrote in: \"please refund\"","notify":true,"items":[)";
  std::size_t first = text.size();
  for (int i = 0; text.size() + 40 < about_bytes; ++i)
    text += std::string(text.size() == first ? "" : ",") + R"({"sku":"A-)" + std::to_string(100 + i) +
            R"(","count":2,"price":19.90,"title":"A blue chair, café"})";
  return text + "]}}}";
}

void parses(benchmark::State& state) {
  std::string text = tool_call(static_cast<std::size_t>(state.range(0)));
  Document document;
  for (auto _ : state) {
    if (!document.parse(text)) state.SkipWithError("refused");
    benchmark::DoNotOptimize(document.canonical().data());
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * text.size()));
  state.SetLabel(std::to_string(text.size()) + " bytes");
}
BENCHMARK(parses)->Arg(300)->Arg(1024)->Arg(16 << 10)->Arg(1 << 20);

// One long string: source code or a file in an argument.
void parses_text(benchmark::State& state) {
  std::string text = R"({"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":")";
  while (text.size() < static_cast<std::size_t>(state.range(0))) text += "    return first + second;  // the sum of both\\n";
  text += R"("}]}})";
  Document document;
  for (auto _ : state)
    if (!document.parse(text)) state.SkipWithError("refused");
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * text.size()));
}
BENCHMARK(parses_text)->Arg(16 << 10)->Arg(1 << 20);

// A large answer that is relayed as it comes.
void checks_stream(benchmark::State& state) {
  std::string text = tool_call(1 << 20);
  for (auto _ : state) {
    StreamCheck check;
    for (std::size_t at = 0; at < text.size(); at += 65536)
      if (!check.add(std::string_view(text).substr(at, 65536))) state.SkipWithError("refused");
    if (!check.finish()) state.SkipWithError("refused");
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * text.size()));
}
BENCHMARK(checks_stream);

void many_members(benchmark::State& state) {
  std::string text = "{";
  for (int i = 0; i < state.range(0); ++i) text += (i ? ",\"member_" : "\"member_") + std::to_string(i * 7919) + "\":1";
  text += "}";
  Document document;
  for (auto _ : state)
    if (!document.parse(text)) state.SkipWithError("refused");
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * text.size()));
}
BENCHMARK(many_members)->Arg(16)->Arg(17)->Arg(100)->Arg(10'000);

}  // namespace
}  // namespace callgate::json
BENCHMARK_MAIN();
