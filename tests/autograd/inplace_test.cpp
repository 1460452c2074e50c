#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "taper/taper.h"
#include "tests/support/expect_error.h"

namespace taper {
namespace {

using V = std::vector<double>;

V values(const Tensor& t) {
  V out;
  const Tensor flat = t.detach().contiguous().view(-1);
  for (int64_t i = 0; i < flat.numel(); ++i) out.push_back(flat.data_ptr<double>()[i]);
  return out;
}
Tensor leaf(V v) { return tensor(v, TensorOptions(kDouble)).requires_grad_(); }

TEST(InPlace, GivesNewHistory) {
  Tensor x = leaf({1, 2});
  Tensor y = x * 3;
  y.mul_(x);
  EXPECT_STREQ(y.grad_fn()->name(), "MulBackward0");
  y.sum().backward();
  EXPECT_EQ(values(x.grad()), (V{6, 12}));
}

TEST(InPlace, MakesAPlainTensorPartOfTheGraph) {
  Tensor w = leaf({2, 3});
  Tensor y = ones({2}, kDouble);
  y.mul_(w);
  EXPECT_TRUE(y.requires_grad());
  y.sum().backward();
  EXPECT_EQ(values(w.grad()), (V{1, 1}));
}

TEST(InPlace, LeavesAreRefused) {
  Tensor x = leaf({1, 2});
  EXPECT_ERROR(Error, x.add_(1),
               "a leaf Variable that requires grad is being used in an in-place operation.");
  EXPECT_ERROR(Error, x[0].mul_(2),
               "a view of a leaf Variable that requires grad is being used in an in-place "
               "operation.");
  NoGradGuard no_grad;
  EXPECT_NO_THROW(x.add_(1));
  EXPECT_EQ(values(x), (V{2, 3}));
  EXPECT_TRUE(x.is_leaf());
}

TEST(InPlace, OnAViewChangesTheBasesHistory) {
  Tensor x = leaf({1, 2, 3, 4});
  Tensor base = x * 1;
  Tensor view = base.narrow(0, 1, 2);
  view.mul_(10);
  EXPECT_STREQ(base.grad_fn()->name(), "CopySlices");
  base.sum().backward();
  EXPECT_EQ(values(x.grad()), (V{1, 10, 10, 1}));
}

TEST(InPlace, OnTheBaseRenewsTheView) {
  Tensor x = leaf({1, 2, 3, 4});
  Tensor base = x * 1;
  Tensor view = base.view({2, 2}).select(0, 1);
  base.mul_(3);
  EXPECT_STREQ(view.grad_fn()->name(), "AsStridedBackward0");
  view.sum().backward();
  EXPECT_EQ(values(x.grad()), (V{0, 0, 3, 3}));
}

TEST(InPlace, ViewOfAPlainBaseSeesItsNewHistory) {
  Tensor w = leaf({2, 3});
  Tensor base = ones({2}, kDouble);
  Tensor view = base.view({2, 1});
  Tensor other = base.narrow(0, 1, 1);
  EXPECT_FALSE(view.requires_grad());
  base.mul_(w);
  EXPECT_TRUE(view.requires_grad());
  view.sum().backward();
  EXPECT_EQ(values(w.grad()), (V{1, 1}));
  Tensor base2 = ones({2}, kDouble);
  Tensor part = base2.select(0, 1);
  part.mul_(w[1]);
  EXPECT_TRUE(base2.requires_grad());
  w.mutable_grad() = Tensor();
  base2.sum().backward();
  EXPECT_EQ(values(w.grad()), (V{0, 1}));
  EXPECT_EQ(values(other), (V{3}));
}

TEST(InPlace, SeveralViewsInTurn) {
  Tensor x = leaf({1, 1, 1, 1, 1, 1});
  Tensor base = (x * 1).view({2, 3});
  base[0].mul_(2);
  base.select(1, 1).mul_(5);
  base[1].mul_(base[0].detach());
  base.sum().backward();
  EXPECT_EQ(values(x.grad()), (V{2, 10, 2, 2, 50, 2}));
}

TEST(InPlace, AViewMadeWithoutGradIsNotWrittenWithIt) {
  Tensor x = leaf({1, 2});
  Tensor base = x * 2, view;
  {
    NoGradGuard no_grad;
    view = base.select(0, 0);
    EXPECT_FALSE(view.requires_grad());
  }
  EXPECT_ERROR(Error, view.mul_(2), "A view was created in no_grad mode and is being modified");
  base.mul_(2);
  EXPECT_ERROR(Error, view * 2,
               "A view was created in no_grad mode and its base or another view of its base has "
               "been modified inplace with grad mode enabled.");
}

TEST(InPlace, OneOfSeveralViewsIsNotWritten) {
  const char* text =
      " is a view and is being modified inplace. This view is the output of a function that "
      "returns multiple views. Such functions do not allow the output views to be modified "
      "inplace.";
  Tensor x = leaf({1, 2, 3, 4});
  EXPECT_ERROR(Error, (x * 1).split(2)[0].mul_(2),
               std::string("Output 0 of SplitBackward0") + text);
  EXPECT_ERROR(Error, (x * 1).chunk(2)[1].zero_(),
               std::string("Output 1 of SplitBackward0") + text);
  EXPECT_ERROR(Error, (x * 1).unbind()[3].fill_(1),
               std::string("Output 3 of UnbindBackward0") + text);
  EXPECT_ERROR(Error, split_with_sizes(x * 1, {1, 3})[1].copy_(ones({3}, kDouble)),
               std::string("Output 1 of SplitWithSizesBackward0") + text);
  EXPECT_ERROR(Error, (x * 1).split(2)[0][0].mul_(2),
               std::string("Output 0 of SelectBackward0") + text);
  EXPECT_ERROR(Error, x.split(2)[0].mul_(2), text);
  EXPECT_ERROR(Error, ones({4}, kDouble).split(2)[0].mul_(x[0]),
               "A view was created in no_grad mode and is being modified inplace with grad mode "
               "enabled. This view is the output of a function that returns multiple views.");
}

TEST(InPlace, OneOfSeveralViewsOfAWrittenBaseIsNotUsed) {
  Tensor x = leaf({1, 2, 3, 4});
  Tensor base = x * 1;
  const std::vector<Tensor> parts = base.split(2);
  base.mul_(2);
  EXPECT_ERROR(Error, parts[1] * 2,
               "Output 1 of SplitBackward0 is a view and its base or another view of its base has "
               "been modified inplace.");
}

TEST(InPlace, SeveralViewsAreWrittenWhereNoGradientIs) {
  Tensor plain = ones({4}, kDouble);
  plain.split(2)[0].mul_(3);
  EXPECT_EQ(values(plain), (V{3, 3, 1, 1}));
  Tensor x = leaf({1, 2, 3, 4});
  Tensor base = x * 1;
  base.tensor_split(2)[0].mul_(3);
  base.sum().backward();
  EXPECT_EQ(values(x.grad()), (V{3, 3, 1, 1}));
  NoGradGuard no_grad;
  EXPECT_NO_THROW(x.unbind()[0].fill_(7));
  EXPECT_EQ(values(x), (V{7, 2, 3, 4}));
}

TEST(InPlace, OverlapIsRefused) {
  Tensor e = ones({1}, kDouble).expand({3});
  EXPECT_ERROR(Error, e.add_(1),
               "more than one element of the written-to tensor refers to a single "
               "memory location");
  Tensor a = ones({3, 3}, kDouble);
  EXPECT_ERROR(Error, a.add_(a.t()), "some elements of the input tensor and the written-to tensor");
  EXPECT_NO_THROW(a.add_(a));
  EXPECT_EQ(values(a), V(9, 2.0));
}

TEST(InPlace, SizesAndTypesMayNotGrow) {
  Tensor a = ones({3}, kDouble);
  EXPECT_ERROR(ShapeError, a.add_(ones({2, 3}, kDouble)),
               "output with shape [3] doesn't match the broadcast shape [2, 3]");
  EXPECT_ERROR(DTypeError, ones({3}, kLong).add_(a),
               "result type Double can't be cast to the desired output type Long");
  EXPECT_EQ(values(a), V(3, 1.0));
}

TEST(Versions, AChangedSavedTensorIsRefused) {
  const auto attempt = [](auto change) {
    Tensor x = leaf({1, 2});
    Tensor a = x * 2, b = x * 3;
    Tensor y = (a * b).sum();
    change(a);
    y.backward();
  };
  const char* text =
      "one of the variables needed for gradient computation has been modified by an inplace "
      "operation";
  EXPECT_ERROR(Error, attempt([](Tensor a) { a.add_(1); }), text);
  EXPECT_ERROR(Error, attempt([](Tensor a) { a.view({2, 1}).add_(1); }), text);
  // PyTorch misses the write through data(): the version there is not shared.
  EXPECT_ERROR(Error, attempt([](Tensor a) { a.data().zero_(); }), text);
  EXPECT_ERROR(Error, attempt([](Tensor a) { a.detach().zero_(); }), text);
  EXPECT_NO_THROW(attempt([](Tensor a) { a.clone().zero_(); }));
}

TEST(Versions, AChangedSavedOutputIsRefused) {
  Tensor x = leaf({1, 2});
  Tensor y = x.exp();
  Tensor loss = y.sum();
  y.detach().mul_(2);
  EXPECT_ERROR(Error, loss.backward(), "is at version 1; expected version 0 instead");
}

TEST(Versions, EveryWriteCounts) {
  Tensor x = ones({4}, kDouble);
  int64_t version = x._version();
  const auto grew = [&] {
    const bool more = x._version() > version;
    version = x._version();
    return more;
  };
  x.add_(1);
  EXPECT_TRUE(grew());
  x.view({2, 2}).mul_(2);
  EXPECT_TRUE(grew());
  x.fill_(3);
  EXPECT_TRUE(grew());
  x.zero_();
  EXPECT_TRUE(grew());
  x.copy_(ones({4}, kDouble));
  EXPECT_TRUE(grew());
  x.index_put_({indexing::Slice(0, 2)}, 7);
  EXPECT_TRUE(grew());
  (void)(x + 1);
  EXPECT_FALSE(grew());
}

}  // namespace
}  // namespace taper
