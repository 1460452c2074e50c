#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "taper/taper.h"

// Ops that are another name or another form of an op with a case of its own: same bits.
namespace taper {
namespace {

Tensor a() { return arange(6, TensorOptions(kFloat)).sub(2.5).view({2, 3}); }
Tensor b() { return arange(6, TensorOptions(kFloat)).sub(3).view({2, 3}); }

Tensor c() { return arange(4); }

struct Pair {
  std::string name;
  std::function<Tensor()> got, want;
};

TEST(Names, SecondNamesGiveTheSame) {
  const Pair pairs[] = {
      {"arctan2", [] { return arctan2(a(), b()); }, [] { return atan2(a(), b()); }},
      {"clip", [] { return clip(a(), -1, 1); }, [] { return clamp(a(), -1, 1); }},
      {"concat",
       [] {
         return concat({a(), b()}, 1);
       },
       [] {
         return cat({a(), b()}, 1);
       }},
      {"concatenate",
       [] {
         return concatenate({a(), b()});
       },
       [] {
         return cat({a(), b()});
       }},
      {"arcsin", [] { return arcsin(div(a(), 3)); }, [] { return asin(div(a(), 3)); }},
      {"arccos", [] { return arccos(div(a(), 3)); }, [] { return acos(div(a(), 3)); }},
      {"arctan", [] { return arctan(a()); }, [] { return atan(a()); }},
      {"arcsinh", [] { return arcsinh(a()); }, [] { return asinh(a()); }},
      {"arccosh", [] { return arccosh(add(abs(a()), 1)); }, [] { return acosh(add(abs(a()), 1)); }},
      {"arctanh", [] { return arctanh(div(a(), 3)); }, [] { return atanh(div(a(), 3)); }},
      {"row_stack",
       [] {
         return row_stack({a(), b()});
       },
       [] {
         return vstack({a(), b()});
       }},
      {"moveaxis", [] { return moveaxis(a(), 0, 1); }, [] { return movedim(a(), 0, 1); }},
      {"swapaxes_", [] { return a().swapaxes_(0, 1); }, [] { return a().transpose(0, 1); }},
      {"swapdims_", [] { return a().swapdims_(0, 1); }, [] { return a().transpose(0, 1); }},
      {"atleast_1d", [] { return atleast_1d(a()[0][0]); }, [] { return a()[0].narrow(0, 0, 1); }},
      {"atleast_2d", [] { return atleast_2d(a()[0]); }, [] { return a().narrow(0, 0, 1); }},
      {"atleast_3d", [] { return atleast_3d(a()); }, [] { return a().unsqueeze(2); }},
      {"atleast_3d of a row",
       [] {
         return atleast_3d({a()[0], a()[1]})[1];
       },
       [] {
         return a()[1].view({1, 3, 1});
       }},
      {"fix", [] { return fix(a()); }, [] { return trunc(a()); }},
      {"ger", [] { return ger(a()[0], b()[1]); }, [] { return outer(a()[0], b()[1]); }},
      {"greater_equal", [] { return greater_equal(a(), b()); }, [] { return ge(a(), b()); }},
      {"less", [] { return less(a(), b()); }, [] { return lt(a(), b()); }},
      {"less_equal", [] { return less_equal(a(), 0); }, [] { return le(a(), 0); }},
      {"not_equal", [] { return not_equal(a(), b()); }, [] { return ne(a(), b()); }},
      {"subtract", [] { return subtract(a(), b(), 2); }, [] { return sub(a(), b(), 2); }},
      {"true_divide", [] { return true_divide(a(), b()); }, [] { return div(a(), b()); }},
      {"sgn", [] { return sgn(a()); }, [] { return sign(a()); }},
      {"bitwise_not", [] { return bitwise_not(a().to(kLong)); },
       [] { return a().to(kLong).neg().sub(1); }},
      {"expand_as", [] { return expand_as(a()[0], b()); },
       [] {
         return a()[0].expand({2, 3});
       }},
      {"view_as",
       [] {
         return view_as(a(), ones({3, 2}));
       },
       [] {
         return a().view({3, 2});
       }},
      {"reshape_as", [] { return reshape_as(a().t(), ones({6})); },
       [] { return a().t().reshape({6}); }},
      {"nonzero_numpy", [] { return nonzero_numpy(b())[1]; },
       [] { return nonzero(b()).select(1, 1); }},
      {"broadcast_tensors",
       [] {
         return broadcast_tensors({a()[0], b()})[0];
       },
       [] {
         return a()[0].expand({2, 3});
       }},
      {"std_mean", [] { return std::get<0>(std_mean(a(), true)); }, [] { return a().std(true); }},
      {"std_mean's mean", [] { return std::get<1>(std_mean(a(), true)); },
       [] { return a().mean(); }},
      {"std_mean with a correction",
       [] { return std::get<0>(std_mean(a(), IntArrayRef(1), Scalar(2), true)); },
       [] { return a().std(IntArrayRef(1), Scalar(2), true); }},
      {"var_mean with a correction", [] { return std::get<0>(var_mean(a(), std::nullopt, 0)); },
       [] { return a().var(false); }},
      {"var_mean's mean", [] { return std::get<1>(var_mean(a(), std::nullopt, 0, true)); },
       [] {
         return a().mean().view({1, 1});
       }},
      {"divide rounded", [] { return divide(a(), b().add(0.5), "floor"); },
       [] { return div(a(), b().add(0.5), "floor"); }},
      {"divide by a number, rounded", [] { return a().divide(2, "trunc"); },
       [] { return div(a(), 2, "trunc"); }},
      {"clip by tensors",
       [] {
         const std::optional<Tensor> bound = b();
         return clip(a(), bound);
       },
       [] { return clamp_min(a(), b()); }},
      {"max of two", [] { return max(a(), b()); }, [] { return maximum(a(), b()); }},
      {"min of two", [] { return a().min(b()); }, [] { return minimum(a(), b()); }},
      {"remainder of a number", [] { return remainder(5, a()); },
       [] { return full_like(a(), 5) % a(); }},
      {"bitwise_and of a number", [] { return bitwise_and(6, c()); }, [] { return c() & 6; }},
      {"bitwise_or of a number", [] { return bitwise_or(6, c()); }, [] { return c() | 6; }},
      {"bitwise_xor of a number", [] { return bitwise_xor(6, c()); }, [] { return c() ^ 6; }},
      {"bitwise_left_shift of a number", [] { return bitwise_left_shift(6, c()); },
       [] { return full_like(c(), 6) << c(); }},
      {"bitwise_right_shift of a number", [] { return bitwise_right_shift(6, c()); },
       [] { return full_like(c(), 6) >> c(); }},
      {"native_layer_norm",
       [] { return std::get<0>(native_layer_norm(a(), {3}, std::nullopt, std::nullopt, 1e-5)); },
       [] { return layer_norm(a(), {3}); }},
      {"max_pool1d_with_indices",
       [] { return std::get<0>(max_pool1d_with_indices(a().unsqueeze(0), {2})); },
       [] { return max_pool1d(a().unsqueeze(0), {2}); }},
      {"nll_loss2d",
       [] {
         return nll_loss2d(a().view({1, 3, 2, 1}), ones({1, 2, 1}, TensorOptions(kLong)));
       },
       [] {
         return a().view({3, 2}).select(0, 1).mean().neg();
       }},
  };
  for (const Pair& pair : pairs) {
    const Tensor got = pair.got(), want = pair.want();
    EXPECT_EQ(got.scalar_type(), want.scalar_type()) << pair.name;
    EXPECT_TRUE(got.equal(want)) << pair.name << "\n" << repr(got) << "\n" << repr(want);
  }
}

TEST(Names, RandomLikeTakesSizesAndRange) {
  const Tensor r = randint_like(ones({50, 4}), 3, 7);
  EXPECT_EQ(r.sizes(), IntArrayRef({50, 4}));
  EXPECT_GE(r.min().item<float>(), 3);
  EXPECT_LE(r.max().item<float>(), 6);
  EXPECT_FALSE(r.equal(full({50, 4}, 3.0)));
}

}  // namespace
}  // namespace taper
