#include "gateway/shelf.h"

#include <gtest/gtest.h>

#include <string>

namespace callgate::gateway {
namespace {

TEST(Shelf, LendsWhatWasPutBackLastFirst) {
  Shelf<std::string> shelf;
  auto first = shelf.take(), second = shelf.take();
  const std::string* const last = first.get();
  shelf.put_back(std::move(second));
  shelf.put_back(std::move(first));
  EXPECT_EQ(shelf.take().get(), last) << "it is still in the caches";
}

TEST(Shelf, NeverLendsOneThingTwice) {
  Shelf<std::string> shelf;
  shelf.put_back(shelf.take());
  const auto once = shelf.take(), again = shelf.take();
  EXPECT_NE(once.get(), again.get());
}

TEST(Shelf, KeepsABoundedNumberAfterABurst) {
  struct Counted {
    explicit Counted(int& alive_in) : alive(alive_in) { ++alive; }
    ~Counted() { --alive; }
    int& alive;
  };
  int alive = 0;
  Shelf<Counted> shelf;
  for (int i = 0; i < 1'000; ++i) shelf.put_back(std::make_unique<Counted>(alive));
  EXPECT_GT(alive, 0);
  EXPECT_LT(alive, 1'000);
}

}  // namespace
}  // namespace callgate::gateway
