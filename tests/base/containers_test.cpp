#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "taper/base/array_ref.h"
#include "taper/base/function.h"
#include "taper/base/intrusive_ptr.h"
#include "taper/base/small_vector.h"

namespace taper {
namespace {

TEST(SmallVector, GrowsFromItsOwnMemoryToTheHeapAndBack) {
  SmallVector<std::string, 2> v;
  for (int i = 0; i < 10; ++i) v.push_back(std::string(20, static_cast<char>('a' + i)));
  ASSERT_EQ(v.size(), 10u);
  EXPECT_EQ(v[0], std::string(20, 'a'));
  EXPECT_EQ(v.back(), std::string(20, 'j'));
  const auto copy = v;
  SmallVector<std::string, 2> moved = std::move(v);
  EXPECT_EQ(moved, copy);
  EXPECT_TRUE(v.empty());
  v = {"x"};
  EXPECT_EQ(v[0], "x");
  moved.erase(moved.begin());
  EXPECT_EQ(moved.size(), 9u);
  EXPECT_EQ(moved[0][0], 'b');
}

TEST(SmallVector, PushesItsOwnElementWhileGrowing) {
  SmallVector<std::string, 1> v{"only"};
  v.push_back(v[0]);
  v.push_back(v[0]);
  EXPECT_EQ(v[2], "only");
}

struct Fragile {
  explicit Fragile(int value)
      : text(value < 0 ? throw std::out_of_range("negative") : value, 'x') {}
  std::string text;
};

TEST(SmallVector, IsAsItWasWhenAnElementCannotBeMade) {
  SmallVector<Fragile, 2> v;
  for (const int value : {40, 41, 42}) {
    EXPECT_THROW(v.emplace_back(-1), std::out_of_range);
    v.emplace_back(value);
  }
  ASSERT_EQ(v.size(), 3u);
  EXPECT_EQ(v[2].text.size(), 42u);
}

TEST(SmallVector, InsertKeepsTheOrder) {
  SmallVector<int, 2> v{1, 3};
  v.insert(v.begin() + 1, 2);
  v.insert(v.begin(), 0);
  EXPECT_EQ(v, (SmallVector<int, 2>{0, 1, 2, 3}));
}

TEST(ArrayRef, TakesListsVectorsAndSingleValues) {
  const auto sum = [](IntArrayRef a) {
    int64_t total = 0;
    for (int64_t v : a) total += v;
    return total;
  };
  EXPECT_EQ(sum({1, 2, 3}), 6);
  EXPECT_EQ(sum(std::vector<int64_t>{4, 5}), 9);
  EXPECT_EQ(sum(7), 7);
  EXPECT_EQ(sum(DimVector{1, 1}), 2);
  EXPECT_TRUE(IntArrayRef({1, 2}) == IntArrayRef({1, 2}));
  EXPECT_FALSE(IntArrayRef({1, 2}) == IntArrayRef({1, 3}));
}

TEST(Function, KeepsSmallAndLargeCallables) {
  int base = 10;
  Function<int(int)> small = [&base](int x) { return base + x; };
  EXPECT_EQ(small(1), 11);
  struct Big {
    char bytes[200] = {};
    std::shared_ptr<int> shared;
    int operator()(int x) { return *shared + x; }
  };
  auto shared = std::make_shared<int>(5);
  {
    Function<int(int)> big = Big{{}, shared};
    Function<int(int)> copy = big;
    Function<int(int)> moved = std::move(big);
    EXPECT_FALSE(big);
    EXPECT_EQ(copy(1) + moved(2), 13);
    EXPECT_EQ(shared.use_count(), 3);
    copy = small;
    EXPECT_EQ(copy(0), 10);
    EXPECT_EQ(shared.use_count(), 2);
  }
  EXPECT_EQ(shared.use_count(), 1);
  EXPECT_FALSE(Function<void()>());
}

struct Counted : RefCounted {
  explicit Counted(int* ended) : ended(ended) {}
  static void destroy(Counted* object) {
    ++*object->ended;
    delete object;
  }
  int* ended;
};

TEST(IntrusivePtr, EndsTheObjectWithItsLastReference) {
  int ended = 0;
  {
    auto p = IntrusivePtr<Counted>::adopt(new Counted(&ended));
    auto q = p;
    EXPECT_EQ(p->use_count(), 2u);
    q.reset();
    EXPECT_EQ(p->use_count(), 1u);
    IntrusivePtr<Counted> r = std::move(p);
    EXPECT_FALSE(p);
    auto s = IntrusivePtr<Counted>::share(r.get());
    EXPECT_EQ(s->use_count(), 2u);
    const auto& itself = s;  // clang warns about s = s
    s = itself;
    EXPECT_EQ(ended, 0);
  }
  EXPECT_EQ(ended, 1);
}

}  // namespace
}  // namespace taper
