// Replays a corpus folder through a fuzz target in the ordinary test run, so that targets cannot rot.
// Also feeds every prefix and a few mutations of each file: cheap, deterministic, and finds what a stale corpus would miss.

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

static void feed(const std::string& bytes) { LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()); }

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s CORPUS_FOLDER\n", argv[0]);
    return 2;
  }
  std::mt19937 random(20260728);
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1])) {
    std::ifstream file(entry.path(), std::ios::binary);
    std::string bytes((std::istreambuf_iterator<char>(file)), {});
    ++files;
    feed(bytes);
    for (std::size_t i = 0; i < bytes.size() && i < 512; ++i) feed(bytes.substr(0, i));
    for (int i = 0; i < 200 && !bytes.empty(); ++i) {
      std::string mutated = bytes;
      for (int k = 0; k < 3; ++k) mutated[random() % mutated.size()] = static_cast<char>(random());
      feed(mutated);
    }
  }
  if (files == 0) {
    std::fprintf(stderr, "no corpus in %s: a fuzz target needs at least one seed file\n", argv[1]);
    return 1;
  }
  std::printf("%zu corpus files replayed\n", files);
  return 0;
}
