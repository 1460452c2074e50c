#include <gtest/gtest.h>

#include <functional>
#include <thread>

#include "taper/autograd/autocast_state.h"
#include "taper/taper.h"
#include "tests/support/expect_error.h"
#include "tests/support/same_bits.h"

namespace taper {
namespace {

using testing::same_bits;
namespace F = nn::functional;

Tensor narrow(IntArrayRef sizes) { return rand(sizes).to(kBFloat16); }
Tensor bf16(const Tensor& t) { return t.to(kBFloat16); }

struct Op {
  const char* name;
  std::function<Tensor()> call;
};

void expect_types(const std::vector<Op>& ops, ScalarType type) {
  for (const Op& op : ops) {
    const AutocastGuard guard;
    const Tensor result = op.call();
    EXPECT_EQ(result.scalar_type(), type) << op.name;
    EXPECT_TRUE(autocast::is_cpu_enabled()) << op.name;
  }
}

TEST(Autocast, ProductsAndConvolutionsComputeInBFloat16) {
  const Tensor a = rand({4, 6}), b = rand({6, 5}), v = rand({6}), c = narrow({4, 5});
  const Tensor batch = rand({2, 4, 6}), other = narrow({2, 6, 5}), image = rand({2, 4, 8, 8});
  const Tensor line = rand({2, 4, 8}), volume = rand({1, 2, 4, 4, 4});
  expect_types(
      {{"mm", [&] { return a.mm(b); }},
       {"matmul", [&] { return a.matmul(v); }},
       {"bmm", [&] { return batch.bmm(other); }},
       {"addmm", [&] { return c.addmm(a, b); }},
       {"baddbmm",
        [&] {
          return rand({2, 4, 5}).baddbmm(batch, other);
        }},
       {"addbmm",
        [&] {
          return rand({4, 5}).addbmm(batch, other);
        }},
       {"linear",
        [&] {
          return linear(a, rand({3, 6}), narrow({3}));
        }},
       {"Linear", [&] { return nn::Linear(6, 3)(a); }},
       {"einsum",
        [&] {
          return einsum("ij,jk->ik", {a, b});
        }},
       {"vecdot",
        [&] {
          return linalg_vecdot(a, rand({4, 6}));
        }},
       {"conv1d",
        [&] {
          return conv1d(line, rand({3, 4, 3}));
        }},
       {"conv2d",
        [&] {
          return conv2d(image, rand({3, 4, 3, 3}), narrow({3}));
        }},
       {"conv2d same",
        [&] {
          return conv2d(image, rand({3, 4, 2, 2}), {}, 1, "same");
        }},
       {"conv3d",
        [&] {
          return conv3d(volume, rand({3, 2, 2, 2, 2}));
        }},
       {"conv_tbc",
        [&] {
          return conv_tbc(rand({8, 2, 4}), rand({3, 4, 5}), rand({5}), 0);
        }},
       {"conv_transpose1d",
        [&] {
          return conv_transpose1d(line, rand({4, 3, 3}));
        }},
       {"conv_transpose2d",
        [&] {
          return conv_transpose2d(image, rand({4, 3, 3, 3}));
        }},
       {"conv_transpose3d",
        [&] {
          return conv_transpose3d(volume, rand({2, 3, 2, 2, 2}));
        }},
       {"prelu", [&] { return prelu(image, rand({4})); }},
       {"attention",
        [&] { return F::scaled_dot_product_attention(batch, batch, batch, {}, 0, true); }}},
      kBFloat16);
}

TEST(Autocast, DelicateOpsComputeInFloat32) {
  const Tensor x = narrow({4, 5}), y = narrow({4, 5}), volume = narrow({1, 2, 4, 4, 4});
  const Tensor classes = tensor({0, 1, 2, 3}), image = narrow({2, 3, 6, 6}),
               ones = x.gt(2).to(kLong);
  expect_types(
      {{"mse_loss", [&] { return mse_loss(x, y); }},
       {"l1_loss",
        [&] {
          return l1_loss(x, rand({4, 5}));
        }},
       {"smooth_l1_loss", [&] { return smooth_l1_loss(x, y); }},
       {"huber_loss", [&] { return huber_loss(x, y); }},
       {"cross_entropy", [&] { return F::cross_entropy(x, classes); }},
       {"nll_loss", [&] { return nll_loss(x, classes); }},
       {"binary_cross_entropy", [&] { return binary_cross_entropy(x, y); }},
       {"with_logits", [&] { return binary_cross_entropy_with_logits(x, y); }},
       {"kl_div", [&] { return kl_div(x, y); }},
       {"hinge", [&] { return hinge_embedding_loss(x, y); }},
       {"margin_ranking", [&] { return margin_ranking_loss(x, y, y); }},
       {"cosine", [&] { return cosine_embedding_loss(x, y, rand({4}).sign()); }},
       {"soft_margin", [&] { return soft_margin_loss(x, y); }},
       {"multi_margin", [&] { return multi_margin_loss(x, classes); }},
       {"multilabel", [&] { return multilabel_margin_loss(x, ones); }},
       {"triplet", [&] { return triplet_margin_loss(x, y, y); }},
       {"poisson", [&] { return poisson_nll_loss(x, y, true, false, 1e-8, Reduction::Mean); }},
       {"cdist", [&] { return cdist(x, y); }},
       {"prod", [&] { return x.prod(); }},
       {"prod dim", [&] { return x.prod(1); }},
       {"trace", [&] { return x.trace(); }},
       {"quantile", [&] { return x.quantile(0.5); }},
       {"nanquantile", [&] { return x.nanquantile(0.5); }},
       {"rfft", [&] { return fft_rfft(x).abs(); }},
       {"view_as_complex",
        [&] {
          return view_as_complex(narrow({3, 2})).abs();
        }},
       {"reflection_pad2d",
        [&] {
          return reflection_pad2d(image, {1, 1, 1, 1});
        }},
       {"replication_pad3d",
        [&] {
          return replication_pad3d(volume, {1, 1, 1, 1, 1, 1});
        }},
       {"avg_pool3d", [&] { return avg_pool3d(volume, 2); }},
       {"max_pool3d", [&] { return max_pool3d(volume, 2); }},
       {"adaptive_avg_pool3d", [&] { return adaptive_avg_pool3d(volume, 2); }},
       {"grid_sampler",
        [&] {
          return grid_sampler(image, rand({2, 4, 4, 2}), 0, 0, false);
        }},
       {"lstm",
        [&] {
          return std::get<0>(nn::LSTM(5, 3)(narrow({2, 4, 5})));
        }}},
      kFloat);
}

TEST(Autocast, OtherOpsKeepOrPromoteTypes) {
  const Tensor x = narrow({4, 5}), y = rand({4, 5}), d = rand({4, 4}, kDouble);
  expect_types({{"relu", [&] { return x.relu(); }},
                {"gelu", [&] { return gelu(x); }},
                {"softmax", [&] { return x.softmax(1); }},
                {"layer_norm", [&] { return layer_norm(x, {5}, rand({5}), rand({5})); }},
                {"batch_norm", [&] { return nn::BatchNorm1d(5)(x); }},
                {"group_norm", [&] { return group_norm(x, 5, rand({5}), rand({5})); }},
                {"cat of one type",
                 [&] {
                   return cat({x, x});
                 }}},
               kBFloat16);
  const Tensor index = tensor({0, 1});
  expect_types({{"add", [&] { return x.add(y); }},
                {"cat",
                 [&] {
                   return cat({x, y});
                 }},
                {"stack",
                 [&] {
                   return stack({y, x});
                 }},
                {"index_copy", [&] { return x.index_copy(0, index, y.slice(0, 0, 2)); }},
                {"relu", [&] { return y.relu(); }}},
               kFloat);
  expect_types({{"float64", [&] { return d.mm(d); }}, {"mse", [&] { return mse_loss(d, d); }}},
               kDouble);
  const AutocastGuard guard;
  EXPECT_EQ(ones({2, 2}, kLong).mm(ones({2, 2}, kLong)).scalar_type(), kLong);
  // Neither out= nor in place: the caller has chosen the type.
  Tensor out = empty({4, 4});
  mm_out(out, y, y.t());
  EXPECT_TRUE(out.equal([&] {
    const AutocastGuard off(kCPU, std::nullopt, false);
    return y.mm(y.t());
  }()));
  EXPECT_EQ(out.addmm_(y, y.t()).scalar_type(), kFloat);
}

struct Net {
  nn::Linear first{8, 16}, second{16, 4};
  Tensor x = rand({5, 8}), target = rand({5, 4});

  std::vector<Tensor> weights() {
    return {first->weight, first->bias, second->weight, second->bias};
  }
  Tensor loss() { return mse_loss(second(first(x).relu()), target); }
  // What autocast is to do, by hand.
  Tensor loss_by_hand() {
    const Tensor hidden = linear(bf16(x), bf16(first->weight), bf16(first->bias)).relu();
    return mse_loss(linear(hidden, bf16(second->weight), bf16(second->bias)).to(kFloat), target);
  }
  std::vector<Tensor> take_grads() {
    std::vector<Tensor> grads;
    for (Tensor& w : weights()) {
      EXPECT_EQ(w.grad().scalar_type(), kFloat);
      grads.push_back(w.grad().clone());
      w.mutable_grad() = Tensor();
    }
    return grads;
  }
};

void expect_same(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) EXPECT_TRUE(same_bits(a[i], b[i])) << i;
}

TEST(Autocast, GradientsAreFloat32AndTheSameWithinAndOutside) {
  Net net;
  net.loss_by_hand().backward();
  const std::vector<Tensor> want = net.take_grads();
  {
    const AutocastGuard guard("cpu");
    net.loss().backward();
    expect_same(net.take_grads(), want);
  }
  const Tensor loss = [&] {
    const AutocastGuard guard("cpu", kBFloat16);
    return net.loss();
  }();
  EXPECT_EQ(loss.scalar_type(), kFloat);
  loss.backward();
  expect_same(net.take_grads(), want);
}

TEST(Autocast, SecondGradients) {
  Net net;
  const auto second = [&](const Tensor& loss) {
    const std::vector<Tensor> weights = net.weights();
    const auto first = autograd::grad({loss}, {weights[0]}, {}, std::nullopt, true);
    return autograd::grad({first[0].square().sum()}, {weights[0], weights[2]});
  };
  const auto want = second(net.loss_by_hand());
  const AutocastGuard guard;
  const auto got = second(net.loss());
  ASSERT_EQ(got.size(), 2u);
  EXPECT_EQ(got[0].scalar_type(), kFloat);
  EXPECT_GT(got[0].abs().sum().item<double>(), 0);
  // create_graph computes outside of autocast, in the types of the forward.
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_TRUE(allclose(got[i], want[i], 0.05, 0.01)) << got[i] << want[i];
  }
}

TEST(Autocast, TwoBackwardsOfOneCastAdd) {
  Net net;
  net.loss_by_hand().backward();
  const std::vector<Tensor> once = net.take_grads();
  const AutocastGuard guard;
  net.loss().backward();
  net.loss().backward();
  const std::vector<Tensor> twice = net.take_grads();
  for (size_t i = 0; i < once.size(); ++i) EXPECT_TRUE(same_bits(twice[i], once[i].mul(2)));
}

TEST(Autocast, CastsOfLeavesAreKeptUntilTheGuardEnds) {
  Tensor w = rand({4, 4}).requires_grad_(), plain = rand({4, 4});
  {
    const AutocastGuard guard;
    const Tensor first = autocast_to(w, kBFloat16);
    EXPECT_TRUE(autocast_to(w, kBFloat16).is_same(first));
    {
      const AutocastGuard inner;
      EXPECT_TRUE(autocast_to(w, kBFloat16).is_same(first));
      const AutocastGuard other(kCPU, kHalf);
      EXPECT_EQ(w.mm(plain).scalar_type(), kHalf);
      const AutocastGuard without(kCPU, kBFloat16, true, false);
      EXPECT_FALSE(autocast::is_autocast_cache_enabled());
      EXPECT_FALSE(autocast_to(w, kBFloat16).is_same(autocast_to(w, kBFloat16)));
    }
    const Tensor again = autocast_to(w, kBFloat16);
    EXPECT_TRUE(autocast_to(w, kBFloat16).is_same(again));
    EXPECT_FALSE(autocast_to(plain, kBFloat16).is_same(autocast_to(plain, kBFloat16)));
    autocast::clear_cache();
    EXPECT_FALSE(autocast_to(w, kBFloat16).is_same(again));
  }
  EXPECT_FALSE(autocast_to(w, kBFloat16).is_same(autocast_to(w, kBFloat16)));
}

TEST(Autocast, AChangedLeafIsCastAnew) {
  Tensor w = rand({4, 4}).requires_grad_();
  const Tensor x = rand({4, 4});
  const AutocastGuard guard;
  const auto expect_current = [&](const char* what) {
    EXPECT_TRUE(same_bits(x.mm(w).detach(), bf16(x).mm(bf16(w.detach())))) << what;
  };
  expect_current("fresh");
  {
    NoGradGuard no_grad;
    w.add_(1);
  }
  expect_current("in place");
  w.set_data(rand({4, 4}));
  expect_current("set_data");
  optim::SGD optimizer({w}, optim::SGDOptions(0.5));
  x.mm(w).to(kFloat).sum().backward();
  optimizer.step();
  expect_current("optimizer");
  w.detach().zero_();
  expect_current("through an alias");
}

TEST(Autocast, ACastMadeWithoutGradientsIsNoPartOfAGraph) {
  Tensor w = rand({4, 4}).requires_grad_();
  const Tensor x = rand({4, 4});
  const AutocastGuard guard;
  {
    NoGradGuard no_grad;
    EXPECT_FALSE(x.mm(w).requires_grad());
  }
  EXPECT_TRUE(x.mm(w).requires_grad());
  {
    InferenceMode inference;
    EXPECT_FALSE(x.mm(w).requires_grad());
  }
  x.mm(w).to(kFloat).sum().backward();
  EXPECT_TRUE(w.grad().defined());
  w.requires_grad_(false);
  EXPECT_FALSE(x.mm(w).requires_grad());
}

TEST(Autocast, Nesting) {
  const Tensor x = rand({3, 3});
  EXPECT_FALSE(autocast::is_cpu_enabled());
  {
    const AutocastGuard outer;
    EXPECT_TRUE(autocast::is_autocast_enabled(kCPU));
    EXPECT_FALSE(autocast::is_enabled());
    {
      const AutocastGuard off("cpu", kBFloat16, false);
      EXPECT_EQ(x.mm(x).scalar_type(), kFloat);
      const AutocastGuard on("cpu", kHalf);
      EXPECT_EQ(x.mm(x).scalar_type(), kHalf);
    }
    EXPECT_EQ(autocast::get_autocast_cpu_dtype(), kBFloat16);
    EXPECT_EQ(x.mm(x).scalar_type(), kBFloat16);
    EXPECT_ERROR(ShapeError, x.mm(rand({2, 2})), "shapes cannot be multiplied");
    EXPECT_TRUE(autocast::is_cpu_enabled());
  }
  EXPECT_EQ(x.mm(x).scalar_type(), kFloat);
}

TEST(Autocast, TheStateBySettersAndErrors) {
  autocast::set_cpu_enabled(true);
  autocast::set_autocast_cpu_dtype(kHalf);
  EXPECT_EQ(autocast::increment_nesting(), 1);
  EXPECT_EQ(ones({2, 2}).mm(ones({2, 2})).scalar_type(), kHalf);
  EXPECT_EQ(autocast::decrement_nesting(), 0);
  autocast::clear_cache();
  autocast::set_autocast_dtype(kCPU, kBFloat16);
  autocast::set_autocast_enabled(kCPU, false);
  EXPECT_EQ(ones({2, 2}).mm(ones({2, 2})).scalar_type(), kFloat);
  EXPECT_ERROR(DTypeError, autocast::set_autocast_cpu_dtype(kFloat), "got Float");
  EXPECT_ERROR(DTypeError, AutocastGuard("cpu", kDouble), "got Double");
  EXPECT_ERROR(Error, AutocastGuard("cuda"), "CUDA is not available");
  EXPECT_ERROR(Error, autocast::set_autocast_enabled(kCUDA, true), "CUDA is not available");
  autocast::set_autocast_enabled(kCUDA, false);
  const AutocastGuard nothing("cuda", kHalf, false);
  EXPECT_FALSE(autocast::is_cpu_enabled());
}

TEST(Autocast, CheckpointsComputeAgainAsTheForwardDid) {
  Net net;
  net.loss_by_hand().backward();
  const std::vector<Tensor> want = net.take_grads();
  const Tensor loss = [&] {
    const AutocastGuard guard;
    const Tensor out =
        utils::checkpoint([&](const Tensor& x) { return net.second(net.first(x).relu()); }, net.x);
    return mse_loss(out, net.target);
  }();
  loss.backward();
  expect_same(net.take_grads(), want);
}

TEST(AutocastThreads, TheStateIsTheThreads) {
  const Tensor x = rand({3, 3});
  const AutocastGuard guard;
  bool enabled = true;
  ScalarType type = kBFloat16;
  std::thread([&] {
    enabled = autocast::is_cpu_enabled();
    type = x.mm(x).scalar_type();
  }).join();
  EXPECT_FALSE(enabled);
  EXPECT_EQ(type, kFloat);
  EXPECT_EQ(x.mm(x).scalar_type(), kBFloat16);
}

}  // namespace
}  // namespace taper
