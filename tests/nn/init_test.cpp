// Starting values, against PyTorch 1.13.1 on its random stream.
#include "taper/nn/init.h"

#include <gtest/gtest.h>

#include <cmath>

#include "taper/nn/linear.h"
#include "taper/nn/normalization.h"
#include "taper/nn/utils.h"
#include "taper/ops/creation.h"
#include "taper/ops/linalg_norm.h"
#include "taper/ops/masking.h"
#include "taper/ops/matmul.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/random.h"
#include "taper/ops/reduction.h"
#include "taper/ops/view.h"
#include "tests/nn/near.h"
#include "tests/support/expect_error.h"

namespace taper::nn {
namespace {

TEST(Init, TruncatedNormalStaysInsideItsBounds) {
  manual_seed(3);
  const Tensor t = init::trunc_normal_(empty({5, 4}, kDouble), 0.5, 2, -1, 3);
  expect_near(t.select(0, 0), {-0.852744442, 0.0864375545, 1.80350974, -0.306239146}, 1e-8);
  const Tensor many = init::trunc_normal_(empty({4000}));
  EXPECT_GE(many.min().item<double>(), -2);
  EXPECT_LE(many.max().item<double>(), 2);
  EXPECT_ERROR(Error, init::trunc_normal_(empty({4}), 0, -1), "expected std > 0 and a <= b");
  EXPECT_ERROR(Error, init::trunc_normal_(empty({4}), 0, 1, 2, -2), "a <= b");
  std::string text;
  const WarningHandler before = set_warning_handler([&](std::string_view t) { text += t; });
  init::trunc_normal_(empty({4}), 9, 1);
  set_warning_handler(before);
  EXPECT_NE(text.find("mean is more than 2 std from [a, b]"), std::string::npos) << text;
}

TEST(Init, SparseHasZerosInEachColumn) {
  manual_seed(3);
  const Tensor t = init::sparse_(empty({5, 3}, kDouble), 0.3, 0.1);
  expect_near(t,
              {0.0803276078, 0.0174833393, 0, -0.0613718008, 0, -0.136825918, 0, 0.101111585,
               -0.143517932, 0.09774318, 0, 0, 0, 0.0298960844, 0.0419218655},
              1e-8);
  EXPECT_ERROR(ShapeError, init::sparse_(empty({5}), 0.3), "Only tensors with 2 dimensions");
  EXPECT_ERROR(Error, init::sparse_(empty({5, 2}), 1.5), "expected a sparsity in [0, 1]");
}

TEST(Init, DiracPassesChannelsThrough) {
  expect_near(init::dirac_(ones({2, 3, 3})),
              {0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0});
  expect_near(init::dirac_(ones({4, 1, 2}), 2), {0, 1, 0, 0, 0, 1, 0, 0});
  const Tensor volume = init::dirac_(ones({2, 2, 3, 1, 2}));
  EXPECT_EQ(volume.sum().item<double>(), 2);
  EXPECT_EQ(volume[1][1][1][0][1].item<double>(), 1);
  EXPECT_ERROR(ShapeError, init::dirac_(ones({2, 2})), "Only tensors with 3, 4, or 5 dimensions");
  EXPECT_ERROR(ShapeError, init::dirac_(ones({3, 2, 1}), 2), "dim 0 must be divisible by groups");
}

TEST(Init, OrthogonalIsOrthogonal) {
#if TAPER_WITH_OPENBLAS
  manual_seed(3);
  expect_near(init::orthogonal_(empty({3, 2, 2}, kDouble), 2),
              {1.56013731, 0.339564575, 0.172814864, -1.1919742, 0.831669842, -1.59172858,
               0.519619775, 0.710436963, 0.299148814, 1.02367419, 1.43790951, 0.891637464},
              1e-8);
  const Tensor tall = init::orthogonal_(empty({5, 2}, kDouble));
  expect_near(tall.t().mm(tall), {1, 0, 0, 1}, 1e-12);
#endif
  EXPECT_ERROR(ShapeError, init::orthogonal_(empty({3})), "Only tensors with 2 or more dimensions");
  EXPECT_EQ(init::orthogonal_(empty({0, 3})).numel(), 0);
}

TEST(Init, SkipInitDrawsNothing) {
  manual_seed(3);
  const Linear blank = utils::skip_init<Linear>(4, 2);
  const BatchNorm1d norm = utils::skip_init<BatchNorm1d>(BatchNorm1dOptions(3).eps(0.1));
  EXPECT_EQ(blank->weight.sizes(), IntArrayRef({2, 4}));
  EXPECT_EQ(norm->options.eps(), 0.1);
  const Tensor drawn = rand({2});
  manual_seed(3);
  EXPECT_TRUE(drawn.equal(rand({2})));
  EXPECT_ERROR(Error, utils::skip_init<BatchNorm1d>(BatchNorm1dOptions(-1)), "");
  EXPECT_EQ(init::ones_(empty({2})).sum().item<float>(), 2) << "only within";
}

}  // namespace
}  // namespace taper::nn
