#include "taper/core/sizes.h"

#include <gtest/gtest.h>

#include <vector>

namespace taper {
namespace {

using V = std::vector<int64_t>;

template <class Call>
std::string error_of(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}
#define EXPECT_ERROR(call, text) \
  EXPECT_NE(error_of([&] { call; }).find(text), std::string::npos) << error_of([&] { call; })

V vec(const DimVector& d) { return V(d.begin(), d.end()); }

TEST(Sizes, NumelIsCheckedForSignRankAndOverflow) {
  EXPECT_EQ(checked_numel("op", V{2, 3, 4}, 4), 24);
  EXPECT_EQ(checked_numel("op", V{}, 4), 1);
  EXPECT_EQ(checked_numel("op", V{3, 0, 5}, 4), 0);
  EXPECT_ERROR(checked_numel("op", V{2, -1}, 4), "negative dimension -1");
  EXPECT_ERROR(checked_numel("op", V{int64_t{1} << 40, int64_t{1} << 40}, 1), "overflow");
  EXPECT_ERROR(checked_numel("op", V{int64_t{1} << 61, 2}, 4), "overflow");
  // Empty, but its other sizes overflow: PyTorch lets this one through.
  EXPECT_ERROR(checked_numel("op", V{8, 0, int64_t{1} << 62, 16}, 4), "overflow");
  EXPECT_ERROR(checked_numel("op", V(65, 1), 4), "65 dimensions");
}

TEST(Sizes, ExtentCoversTheLastElement) {
  EXPECT_EQ(checked_extent("op", V{2, 3}, V{3, 1}, 0, 4), 24);
  EXPECT_EQ(checked_extent("op", V{2, 3}, V{10, 2}, 5, 4), (5 + 10 + 4 + 1) * 4);
  EXPECT_EQ(checked_extent("op", V{0, 3}, V{3, 1}, 7, 4), 0);
  EXPECT_ERROR(checked_extent("op", V{2}, V{-1}, 0, 4), "Negative strides are not supported");
  EXPECT_ERROR(checked_extent("op", V{2}, V{1}, -1, 4), "storage offset");
  EXPECT_ERROR(checked_extent("op", V{3}, V{int64_t{1} << 62}, 0, 4), "past 64 bits");
}

TEST(Sizes, StridesOfFormats) {
  EXPECT_EQ(vec(contiguous_strides(V{3, 0, 7})), (V{7, 7, 1}));
  EXPECT_EQ(vec(strides_of("op", V{2, 3, 4, 5}, MemoryFormat::ChannelsLast)), (V{60, 1, 15, 3}));
  EXPECT_TRUE(is_channels_last(V{2, 3, 4, 5}, V{60, 1, 15, 3}));
  EXPECT_FALSE(is_channels_last(V{2, 3, 4, 5}, V{60, 20, 5, 1}));
  EXPECT_ERROR(strides_of("op", V{2, 3}, MemoryFormat::ChannelsLast), "required rank 4");
}

TEST(Sizes, ContiguityIgnoresSizeOneAndEmpty) {
  EXPECT_TRUE(is_contiguous(V{2, 1, 3}, V{3, 99, 1}, 6));
  EXPECT_FALSE(is_contiguous(V{2, 3}, V{1, 2}, 6));
  EXPECT_TRUE(is_contiguous(V{0, 3}, V{0, 0}, 0));
  EXPECT_TRUE(is_non_overlapping_and_dense(V{2, 3}, V{1, 2}));
  EXPECT_FALSE(is_non_overlapping_and_dense(V{2, 3}, V{4, 1}));
}

TEST(Sizes, OverlapIsFoundByStrides) {
  EXPECT_TRUE(has_internal_overlap(V{3}, V{0}));
  EXPECT_FALSE(has_internal_overlap(V{1}, V{0}));
  EXPECT_TRUE(has_internal_overlap(V{3, 3}, V{1, 1}));
  EXPECT_FALSE(has_internal_overlap(V{3, 2}, V{1, 3}));
}

TEST(Sizes, DimensionsWrapOrThrow) {
  EXPECT_EQ(wrap_dim(-1, 3), 2);
  EXPECT_EQ(wrap_dim(0, 0), 0);
  EXPECT_EQ(wrap_dim(-1, 0), 0);
  EXPECT_ERROR(wrap_dim(2, 2),
               "Dimension out of range (expected to be in range of [-2, 1], but got 2)");
  EXPECT_THROW(wrap_dim(1, 0), IndexError);
  SmallVector<bool, 8> mask;
  EXPECT_ERROR(dim_mask("sum", V{0, -2}, 2, mask), "dim 0 appears multiple times in the list");
}

TEST(Sizes, BroadcastRules) {
  EXPECT_EQ(vec(broadcast_sizes(V{4, 1, 5}, V{3, 1})), (V{4, 3, 5}));
  EXPECT_EQ(vec(broadcast_sizes(V{}, V{2})), (V{2}));
  EXPECT_EQ(vec(broadcast_sizes(V{1}, V{0})), (V{0}));
  EXPECT_ERROR(broadcast_sizes(V{2}, V{3}),
               "The size of tensor a (2) must match the size of tensor b (3) at non-singleton "
               "dimension 0");
  DimVector sizes, strides;
  expand_strides(V{3, 1}, V{1, 1}, V{2, -1, 4}, sizes, strides);
  EXPECT_EQ(vec(sizes), (V{2, 3, 4}));
  EXPECT_EQ(vec(strides), (V{0, 1, 0}));
  EXPECT_ERROR(expand_strides(V{3}, V{1}, V{4}, sizes, strides),
               "The expanded size of the tensor (4) must match the existing size (3) at "
               "non-singleton dimension 0.  Target sizes: [4].  Tensor sizes: [3]");
  EXPECT_ERROR(expand_strides(V{3}, V{1}, V{-1, 3}, sizes, strides),
               "The expanded size of the tensor (-1) isn't allowed in a leading, non-existing "
               "dimension 0");
}

TEST(Sizes, InferredDimension) {
  EXPECT_EQ(vec(infer_size(V{5, -1}, 10)), (V{5, 2}));
  EXPECT_EQ(vec(infer_size(V{-1, 3}, 0)), (V{0, 3}));
  EXPECT_ERROR(infer_size(V{5, -1}, 12), "shape '[5, -1]' is invalid for input of size 12");
  EXPECT_ERROR(infer_size(V{5, 2}, 12), "shape '[5, 2]' is invalid for input of size 12");
  EXPECT_ERROR(infer_size(V{-1, -1}, 12), "only one dimension can be inferred");
  EXPECT_ERROR(infer_size(V{-2}, 12), "invalid shape dimension -2");
  EXPECT_ERROR(infer_size(V{-1, 0}, 0),
               "cannot reshape tensor of 0 elements into shape [-1, 0] because the unspecified "
               "dimension size -1 can be any value and is ambiguous");
}

TEST(Sizes, ViewsWithoutACopy) {
  const auto strides = [](V old_sizes, V old_strides, V sizes, int64_t numel) {
    auto s = view_strides(old_sizes, old_strides, sizes, numel);
    return s ? vec(*s) : V{-1};
  };
  // arange(12).view(3, 4).t(): splits are views, merges are not.
  EXPECT_EQ(strides({4, 3}, {1, 4}, {2, 2, 3}, 12), (V{2, 1, 4}));
  EXPECT_EQ(strides({4, 3}, {1, 4}, {12}, 12), (V{-1}));
  EXPECT_EQ(strides({4, 3}, {1, 4}, {4, 3, 1}, 12), (V{1, 4, 4}));
  EXPECT_EQ(strides({3, 2}, {4, 1}, {6}, 6), (V{-1}));
  EXPECT_EQ(strides({3, 2}, {4, 1}, {3, 2, 1}, 6), (V{4, 1, 1}));
  EXPECT_EQ(strides({2, 4}, {4, 1}, {8}, 8), (V{1}));
  EXPECT_EQ(strides({}, {}, {1, 1}, 1), (V{1, 1}));
  EXPECT_EQ(strides({1}, {1}, {}, 1), (V{}));
  EXPECT_EQ(strides({0, 5}, {5, 1}, {3, 0, 7}, 0), (V{7, 7, 1}));
}

/// Against a walk over every element: a view's strides must reach the same addresses in order.
TEST(Sizes, ViewStridesReachTheSameElements) {
  const V shapes[] = {{2, 3, 4}, {4, 6}, {24}, {2, 12}, {3, 8}, {2, 2, 2, 3}, {1, 24, 1}, {8, 3}};
  const auto addresses = [](const V& sizes, const V& strides) {
    V out;
    V index(sizes.size(), 0);
    for (int i = 0; i < 24; ++i) {
      int64_t at = 0;
      for (size_t d = 0; d < sizes.size(); ++d) at += index[d] * strides[d];
      out.push_back(at);
      for (size_t d = sizes.size(); d-- > 0;) {
        if (++index[d] < sizes[d]) break;
        index[d] = 0;
      }
    }
    return out;
  };
  int views = 0;
  for (const V& from : shapes) {
    V step = vec(contiguous_strides(from)), reversed(from.size(), 1);
    for (size_t d = 1; d < from.size(); ++d) reversed[d] = reversed[d - 1] * from[d - 1];
    for (const V& from_strides : {step, reversed}) {
      for (const V& to : shapes) {
        if (auto s = view_strides(from, from_strides, to, 24)) {
          ++views;
          EXPECT_EQ(addresses(to, vec(*s)), addresses(from, from_strides));
        }
      }
    }
  }
  EXPECT_GT(views, 64);
}

}  // namespace
}  // namespace taper
