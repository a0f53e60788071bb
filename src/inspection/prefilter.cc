#include "inspection/prefilter.h"

#include <hs/hs.h>

#include <limits>

namespace callgate::inspection {
namespace {

struct Sink {
  std::vector<Hit>& hits;
  std::size_t hits_max;
};

int on_match(unsigned id, unsigned long long, unsigned long long end, unsigned, void* context) {
  auto& sink = *static_cast<Sink*>(context);
  if (sink.hits.size() >= sink.hits_max) return 1;
  sink.hits.push_back({id, static_cast<std::uint32_t>(end)});
  return 0;
}

}  // namespace

PrefilterScratch::~PrefilterScratch() { hs_free_scratch(scratch_); }

Result<std::unique_ptr<Prefilter>> Prefilter::compile(const std::vector<Literal>& literals) {
  if (hs_valid_platform() != HS_SUCCESS)
    return fail(Code::Unavailable, "inspection.processor", "inspection needs a processor with SSSE3: use another machine");
  std::vector<const char*> texts;
  std::vector<unsigned> flags, ids;
  std::vector<std::size_t> lengths;
  for (const Literal& literal : literals) {
    texts.push_back(literal.text.data());
    lengths.push_back(literal.text.size());
    flags.push_back(literal.caseless ? HS_FLAG_CASELESS : 0);
    ids.push_back(static_cast<unsigned>(ids.size()));
  }
  hs_database_t* database = nullptr;
  hs_compile_error_t* error = nullptr;
  auto status = hs_compile_lit_multi(texts.data(), flags.data(), ids.data(), lengths.data(), static_cast<unsigned>(texts.size()),
                                     HS_MODE_BLOCK, nullptr, &database, &error);
  if (status != HS_SUCCESS) {
    std::string why = error && error->message ? error->message : "unknown";
    hs_free_compile_error(error);
    return fail(Code::Internal, "inspection.compile", "the inspection rules do not compile: report this", why);
  }
  return std::unique_ptr<Prefilter>(
      new Prefilter(std::shared_ptr<hs_database>(database, [](hs_database* held) { hs_free_database(held); })));
}

bool Prefilter::scan(std::string_view text, PrefilterScratch& scratch, std::vector<Hit>& hits, std::size_t hits_max) const {
  if (text.empty()) return true;
  if (text.size() > std::numeric_limits<std::uint32_t>::max()) return false;
  if (scratch.prepared_for_ != database_) {
    if (hs_alloc_scratch(database_.get(), &scratch.scratch_) != HS_SUCCESS) return false;
    scratch.prepared_for_ = database_;
  }
  Sink sink{hits, hits_max};
  return hs_scan(database_.get(), text.data(), static_cast<unsigned>(text.size()), 0, scratch.scratch_, on_match, &sink) == HS_SUCCESS;
}

}  // namespace callgate::inspection
