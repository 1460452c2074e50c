#include "taper/ops/slicing.h"

#include <gtest/gtest.h>

#include "taper/autograd/autograd.h"
#include "taper/ops/copy.h"
#include "taper/ops/creation.h"
#include "taper/ops/view.h"
#include "tests/support/expect_error.h"
#include "tests/support/mapped.h"

namespace taper {
namespace {

using namespace testing;
using Inputs = std::vector<Dense>;

Tensor iota(IntArrayRef sizes) {
  int64_t n = 1;
  for (int64_t s : sizes) n *= s;
  return arange(n, kFloat).view(sizes).clone();
}

std::vector<OpCase> slicing_cases() {
  std::vector<OpCase> cases;
  cases.push_back(moving_case(
      "narrow", {moving(
                     "middle", {2, 5}, [](const Tensor& x) { return x.narrow(1, 1, 3); },
                     mapped({2, 3},
                            [](const Inputs& x, const Index& i) {
                              return x[0].at({i[0], i[1] + 1});
                            })),
                 moving(
                     "from the end", {5, 2}, [](const Tensor& x) { return x.narrow(0, -2, 2); },
                     mapped({2, 2},
                            [](const Inputs& x, const Index& i) {
                              return x[0].at({i[0] + 3, i[1]});
                            })),
                 moving(
                     "nothing", {3}, [](const Tensor& x) { return x.narrow(0, 3, 0); },
                     mapped({0}, nullptr))}));
  cases.push_back(moving_case(
      "slice", {moving(
                    "step", {7, 2}, [](const Tensor& x) { return x.slice(0, 1, 100, 3); },
                    mapped({2, 2},
                           [](const Inputs& x, const Index& i) {
                             return x[0].at({1 + 3 * i[0], i[1]});
                           })),
                moving(
                    "negative ends", {2, 6}, [](const Tensor& x) { return x.slice(-1, -5, -1, 2); },
                    mapped({2, 2},
                           [](const Inputs& x, const Index& i) {
                             return x[0].at({i[0], 1 + 2 * i[1]});
                           })),
                moving(
                    "end before start", {4}, [](const Tensor& x) { return x.slice(0, 3, 1); },
                    mapped({0}, nullptr))}));
  cases.push_back(moving_case(
      "select", {moving(
                     "middle", {2, 3, 4}, [](const Tensor& x) { return x.select(1, -1); },
                     mapped({2, 4},
                            [](const Inputs& x, const Index& i) {
                              return x[0].at({i[0], 2, i[1]});
                            })),
                 moving(
                     "to no dimensions", {3}, [](const Tensor& x) { return x.select(0, 1); },
                     mapped({}, [](const Inputs& x, const Index&) { return x[0].at({1}); }))}));
  cases.push_back(moving_case(
      "diagonal",
      {moving(
           "main", {3, 4}, [](const Tensor& x) { return x.diagonal(); },
           mapped({3},
                  [](const Inputs& x, const Index& i) {
                    return x[0].at({i[0], i[0]});
                  })),
       moving(
           "above, batched", {3, 2, 4}, [](const Tensor& x) { return x.diagonal(1, 0, 2); },
           mapped({2, 3},
                  [](const Inputs& x, const Index& i) {
                    return x[0].at({i[1], i[0], i[1] + 1});
                  })),
       moving(
           "below", {4, 3}, [](const Tensor& x) { return x.diagonal(-2); },
           mapped({2},
                  [](const Inputs& x, const Index& i) {
                    return x[0].at({i[0] + 2, i[0]});
                  })),
       moving(
           "outside", {2, 2}, [](const Tensor& x) { return x.diagonal(5); },
           mapped({0}, nullptr))}));
  cases.push_back(moving_case(
      "unfold", {moving(
                     "overlapping", {2, 6}, [](const Tensor& x) { return x.unfold(1, 3, 2); },
                     mapped({2, 2, 3},
                            [](const Inputs& x, const Index& i) {
                              return x[0].at({i[0], 2 * i[1] + i[2]});
                            })),
                 moving(
                     "first dimension", {4, 2}, [](const Tensor& x) { return x.unfold(0, 2, 1); },
                     mapped({3, 2, 2},
                            [](const Inputs& x, const Index& i) {
                              return x[0].at({i[0] + i[2], i[1]});
                            })),
                 moving(
                     "no dimensions", {}, [](const Tensor& x) { return x.unfold(0, 1, 1); },
                     same_values({1}))}));
  // Absolute geometry: only on the first layout's values does the reference hold.
  OpCase strided = moving_case(
      "as_strided",
      {moving(
          "overlapping", {3, 4},
          [](const Tensor& x) {
            return x.contiguous().clone(MemoryFormat::Contiguous).as_strided({3, 3}, {2, 1}, 1);
          },
          mapped({3, 3}, [](const Inputs& x, const Index& i) {
            return x[0].values[2 * i[0] + i[1] + 1];
          }))});
  cases.push_back(strided);
  return cases;
}
TAPER_OP_CASES(slicing_cases);

std::vector<OpCase> splitting_cases() {
  std::vector<OpCase> cases;
  const auto rows = [](std::vector<Index> pieces, int64_t columns) -> Reference {
    return [=](const Inputs& x) {
      Inputs out;
      for (const Index& piece : pieces) {
        Dense d{{piece[1] - piece[0], columns}, {}};
        for (int64_t r = piece[0]; r < piece[1]; ++r) {
          for (int64_t c = 0; c < columns; ++c) d.values.push_back(x[0].at({r, c}));
        }
        out.push_back(d);
      }
      return out;
    };
  };
  const auto sample = [](std::string label, std::function<Tensors(const Tensor&)> op,
                         Reference reference) {
    return Sample{std::move(label),
                  {Arg{{5, 2}}},
                  [op = std::move(op)](const Tensors& x) { return op(x[0]); },
                  std::move(reference)};
  };
  cases.push_back(moving_case(
      "split",
      {sample(
           "equal", [](const Tensor& x) { return x.split(2); }, rows({{0, 2}, {2, 4}, {4, 5}}, 2)),
       sample(
           "larger than the size", [](const Tensor& x) { return x.split(INT64_MAX); },
           rows({{0, 5}}, 2)),
       sample(
           "sizes",
           [](const Tensor& x) {
             return x.split({1, 0, 4});
           },
           rows({{0, 1}, {1, 1}, {1, 5}}, 2))}));
  cases.push_back(moving_case("split_with_sizes", {sample(
                                                      "sizes",
                                                      [](const Tensor& x) {
                                                        return x.split_with_sizes({3, 2});
                                                      },
                                                      rows({{0, 3}, {3, 5}}, 2))}));
  cases.push_back(moving_case(
      "chunk",
      {sample(
           "uneven", [](const Tensor& x) { return x.chunk(2); }, rows({{0, 3}, {3, 5}}, 2)),
       sample(
           "fewer than asked", [](const Tensor& x) { return x.chunk(4); },
           rows({{0, 2}, {2, 4}, {4, 5}}, 2))}));
  cases.push_back(moving_case(
      "tensor_split",
      {sample(
           "uneven", [](const Tensor& x) { return x.tensor_split(3); },
           rows({{0, 2}, {2, 4}, {4, 5}}, 2)),
       sample(
           "indices",
           [](const Tensor& x) {
             return x.tensor_split({1, -1});
           },
           rows({{0, 1}, {1, 4}, {4, 5}}, 2)),
       sample(
           "sections of a tensor", [](const Tensor& x) { return x.tensor_split(tensor(3)); },
           rows({{0, 2}, {2, 4}, {4, 5}}, 2)),
       sample(
           "indices of a tensor",
           [](const Tensor& x) {
             return x.tensor_split(tensor({1, 9, -1, 9}).slice(0, 0, 4, 2));
           },
           rows({{0, 1}, {1, 4}, {4, 5}}, 2))}));
  cases.push_back(moving_case("unbind", {sample(
                                            "columns", [](const Tensor& x) { return x.unbind(-1); },
                                            [](const Inputs& x) {
                                              Inputs out;
                                              for (int64_t c = 0; c < 2; ++c) {
                                                Dense d{{5}, {}};
                                                for (int64_t r = 0; r < 5; ++r)
                                                  d.values.push_back(x[0].at({r, c}));
                                                out.push_back(d);
                                              }
                                              return out;
                                            })}));
  return cases;
}
TAPER_OP_CASES(splitting_cases);

TEST(Slicing, ErrorsKeepTheirText) {
  const Tensor x = iota({3, 4});
  EXPECT_ERROR(ShapeError, tensor(1.0).narrow(0, 0, 1),
               "narrow() cannot be applied to a 0-dim tensor.");
  EXPECT_ERROR(ShapeError, x.narrow(0, 0, -1), "narrow(): length must be non-negative");
  EXPECT_ERROR(IndexError, x.narrow(0, 4, 0),
               "start out of range (expected to be in range of [-3, 3], but got 4)");
  EXPECT_ERROR(ShapeError, x.narrow(0, 2, 2), "start (2) + length (2) exceeds dimension size (3).");
  EXPECT_ERROR(Error, x.narrow(0, tensor({1}), 1), "start must be an 0-dim integral Tensor.");
  EXPECT_ERROR(Error, x.slice(0, 0, 1, 0), "slice step must be positive");
  EXPECT_ERROR(IndexError, x.select(0, 5),
               "select(): index 5 out of range for tensor of size [3, 4] at dimension 0");
  EXPECT_ERROR(IndexError, tensor(1.0).select(0, 0),
               "select() cannot be applied to a 0-dim tensor.");
  EXPECT_ERROR(ShapeError, x.diagonal(0, 1, -1), "diagonal dimensions cannot be identical 1, 1");
  EXPECT_ERROR(ShapeError, x.unfold(0, 4, 1),
               "maximum size for tensor at dimension 0 is 3 but size is 4");
  EXPECT_ERROR(Error, x.unfold(0, 1, 0), "step is 0 but must be > 0");
  EXPECT_ERROR(ShapeError, x.as_strided({4}, {4}, 0),
               "setStorage: sizes [4], strides [4], storage offset 0, and itemsize 4 requiring a "
               "storage size of 52 are out of bounds for storage of size 48");
  EXPECT_ERROR(ShapeError, x.as_strided({2}, {-1}),
               "Negative strides are not supported at the moment");
}

TEST(Slicing, SplitErrors) {
  const Tensor x = iota({5});
  EXPECT_ERROR(ShapeError, x.split(0), "split_size can only be 0 if dimension size is 0");
  EXPECT_ERROR(ShapeError, x.split(-1), "split expects split_size be non-negative");
  EXPECT_ERROR(ShapeError, x.split({2, 2}),
               "split_with_sizes expects split_sizes to sum exactly to 5 (input tensor's size at "
               "dimension 0), but got split_sizes=[2, 2]");
  EXPECT_ERROR(ShapeError, x.split({6, -1}),
               "split_with_sizes expects split_sizes have only non-negative entries");
  EXPECT_ERROR(Error, x.chunk(0), "chunk expects `chunks` to be greater than 0, got: 0");
  EXPECT_EQ(empty({0, 2}).split(0).size(), 1u);
  EXPECT_EQ(empty({0, 2}).chunk(3).size(), 3u);
  EXPECT_ERROR(IndexError, tensor(1.0).unbind(), "tensor has no dimensions");
}

TEST(Slicing, HorizontalVerticalAndDepthSplits) {
  const Tensor x = iota({2, 4, 6});
  EXPECT_EQ(x.hsplit(2)[1].data_ptr(), x.select(1, 2).data_ptr());
  EXPECT_EQ(x.vsplit(2)[1].data_ptr(), x[1].data_ptr());
  EXPECT_EQ(x.dsplit({1, 3})[1].sizes(), IntArrayRef({2, 4, 2}));
  EXPECT_EQ(x.vsplit(IntArrayRef(1)).size(), 2u);
  EXPECT_EQ(iota({4}).hsplit(IntArrayRef(3))[0].numel(), 3);
  EXPECT_ERROR(ShapeError, x.hsplit(3),
               "hsplit attempted to split along dimension 1, but the size of the dimension 4 is "
               "not divisible by the split_size 3!");
  EXPECT_ERROR(ShapeError, iota({4}).vsplit(2), "vsplit requires a tensor with at least 2");
  EXPECT_ERROR(ShapeError, iota({4, 4}).dsplit(2), "dsplit requires a tensor with at least 3");
  EXPECT_ERROR(DTypeError, x.tensor_split(tensor(1.0)), "to have dtype of long, but got Float");
  EXPECT_ERROR(ShapeError, x.tensor_split(ones({1, 1}, kLong)),
               "zero-dimensional or one-dimensional tensor, but got a tensor with 2 dims");
  EXPECT_ERROR(Error, x.tensor_split(0), "number of sections must be larger than 0, got 0");
}

TEST(Slicing, PartsShareMemory) {
  const Tensor x = iota({4, 4});
  const Tensor part = x.narrow(0, 1, 2).slice(1, 0, 4, 2);
  EXPECT_EQ(part.strides(), IntArrayRef({4, 2}));
  EXPECT_EQ(part.storage_offset(), 4);
  part.fill_(-1);
  EXPECT_EQ(x.select(0, 1).select(0, 2).item<float>(), -1);
  EXPECT_EQ(x.select(0, 1).select(0, 1).item<float>(), 5);
  EXPECT_EQ(iota({3}).narrow(0, 3, 0).storage_offset(), 3);
  EXPECT_EQ(iota({9}).narrow(0, tensor(2), 3).select(0, 0).item<float>(), 2);
}

TEST(Slicing, OneUnusedPieceGetsZeros) {
  const Tensor x = iota({5}).requires_grad_();
  const std::vector<Tensor> parts = x.split(2);
  parts[1].mul(3).sum_to_size({}).backward();
  const float want[5] = {0, 0, 3, 3, 0};
  for (int64_t i = 0; i < 5; ++i) EXPECT_EQ(x.grad().select(0, i).item<float>(), want[i]);
}

TEST(Slicing, AsStridedGradientOfSharedElements) {
  // Three elements of the view read one of x; x's own elements of an expanded tensor share theirs.
  const Tensor x = iota({4}).requires_grad_();
  x.as_strided({3, 2}, {0, 1}, 1).sum_to_size({}).backward();
  const float want[4] = {0, 3, 3, 0};
  for (int64_t i = 0; i < 4; ++i) EXPECT_EQ(x.grad().select(0, i).item<float>(), want[i]);
  const Tensor y = iota({2}).requires_grad_();
  y.expand({3, 2}).as_strided({2}, {1}, 0).sum_to_size({}).backward();
  for (int64_t i = 0; i < 2; ++i) EXPECT_FLOAT_EQ(y.grad().select(0, i).item<float>(), 1);
}

TEST(Slicing, SliceOfAHugeStepTakesOneElement) {
  EXPECT_EQ(iota({4}).slice(0, 1, INT64_MAX, INT64_MAX).sizes(), IntArrayRef({1}));
  EXPECT_EQ(iota({4}).slice(0, INT64_MIN, INT64_MIN).sizes(), IntArrayRef({0}));
}

}  // namespace
}  // namespace taper
