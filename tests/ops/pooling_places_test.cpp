#include "taper/ops/creation.h"
#include "taper/ops/pooling.h"
#include "taper/ops/random.h"
#include "tests/support/op_case.h"

namespace taper::testing {
namespace {

using Sizes = std::vector<int64_t>;

int64_t product(const Sizes& sizes) {
  int64_t n = 1;
  for (const int64_t s : sizes) n *= s;
  return n;
}

/// Indices that name every place at most once: place (7 i + 3) mod places for element i of a plane.
Dense spread_indices(const Sizes& sizes, size_t directions, int64_t places) {
  int64_t plane = 1;
  for (size_t d = sizes.size() - directions; d < sizes.size(); ++d) plane *= sizes[d];
  Dense d{sizes, {}};
  for (int64_t i = 0; i < product(sizes); ++i) {
    d.values.push_back(static_cast<double>((i % plane * 7 + 3) % places));
  }
  return d;
}

using Unpool = std::function<Tensor(const Tensor&, const Tensor&)>;

OpCase unpool_case(const char* name, Sizes sizes, Sizes to, Unpool op) {
  const int64_t places = product(to);
  const Dense indices = spread_indices(sizes, to.size(), places);
  OpCase c;
  c.name = name;
  c.samples = {{"spread",
                {{sizes}},
                [=](const Tensors& x) { return Tensors{op(x[0], to_tensor(indices, kLong))}; },
                [=](const std::vector<Dense>& x) {
                  Dense out{sizes, {}};
                  out.sizes.resize(sizes.size() - to.size());
                  const int64_t planes = product(out.sizes);
                  out.sizes.insert(out.sizes.end(), to.begin(), to.end());
                  out.values.resize(planes * places);
                  const int64_t plane = x[0].numel() / planes;
                  for (int64_t i = 0; i < x[0].numel(); ++i) {
                    out.values[i / plane * places + static_cast<int64_t>(indices.values[i])] =
                        x[0].values[i];
                  }
                  return std::vector<Dense>{out};
                }}};
  c.dtypes = {kFloat, kDouble, kHalf};
  c.errors = {{"large", [=] { op(zeros(sizes), full(sizes, places, kLong)); },
               "Found an invalid max index: " + std::to_string(places), ErrorInput::Kind::index},
              {"negative", [=] { op(zeros(sizes), full(sizes, -1, kLong)); },
               "Found an invalid max index: -1", ErrorInput::Kind::index},
              {"type", [=] { op(zeros(sizes), zeros(sizes, kInt)); },
               "elements in indices should be type int64 but got: Int", ErrorInput::Kind::dtype},
              {"sizes", [=] { op(zeros(sizes), zeros({1}, kLong)); },
               "Expected shape of indices to be same as that of the input tensor",
               ErrorInput::Kind::shape}};
  return c;
}

/// The definition of fractional pooling; `order` says which sample belongs to a direction.
Sample fractional_sample(const std::string& label, Sizes sizes, Sizes kernel, Sizes to, Sizes order,
                         bool three) {
  const size_t count = kernel.size(), first = sizes.size() - count;
  const int64_t batch = sizes.size() == count + 2 ? sizes[0] : 1;
  const Sizes sample_sizes{batch, sizes[first - 1], static_cast<int64_t>(count)};
  Dense u{sample_sizes, {}};
  for (int64_t i = 0; i < product(sample_sizes); ++i) {
    u.values.push_back(static_cast<double>(i * 37 % 100) / 100);
  }
  return {
      label,
      {{sizes}},
      [=](const Tensors& x) {
        const Tensor samples = to_tensor(u, kDouble);
        auto [out, at] = three ? fractional_max_pool3d(x[0], kernel, to, samples)
                               : fractional_max_pool2d(x[0], kernel, to, samples);
        return Tensors{out, at};
      },
      [=](const std::vector<Dense>& x) {
        Dense out{sizes, {}}, places{sizes, {}};
        for (size_t d = 0; d < count; ++d) out.sizes[first + d] = to[d];
        places.sizes = out.sizes;
        for_each_index(out.sizes, [&](const Sizes& at) {
          const int64_t n = first == 2 ? at[0] : 0, c = at[first - 1];
          Sizes start;
          for (size_t d = 0; d < count; ++d) {
            const int64_t room = sizes[first + d] - kernel[d], i = at[first + d];
            const double v = u.at({n, c, order[d]});
            const double a = to[d] > 1 ? double(room) / double(to[d] - 1) : 0;
            start.push_back(i == to[d] - 1 ? room : int64_t((double(i) + v) * a) - int64_t(v * a));
          }
          double best = -1e30;
          int64_t where = -1;
          for_each_index(kernel, [&](const Sizes& e) {
            Sizes from = at;
            int64_t place = 0;
            for (size_t d = 0; d < count; ++d) {
              from[first + d] = start[d] + e[d];
              place = place * sizes[first + d] + from[first + d];
            }
            if (x[0].at(from) > best) best = x[0].at(from), where = place;
          });
          out.values.push_back(best);
          places.values.push_back(static_cast<double>(where));
        });
        return std::vector<Dense>{out, places};
      }};
}

OpCase fractional2d_case() {
  OpCase c;
  c.name = "fractional_max_pool2d";
  c.samples = {
      fractional_sample("images", {2, 2, 7, 6}, {2, 3}, {4, 3}, {1, 0}, false),
      fractional_sample("one window, unbatched", {3, 5, 5}, {2, 2}, {1, 4}, {1, 0}, false)};
  c.errors = {{"samples",
               [] {
                 fractional_max_pool2d(zeros({1, 2, 5, 5}), 2, 3, rand({1, 2, 3}));
               },
               "Expect _random_samples of sizes [1, 2, 2], got [1, 2, 3]", ErrorInput::Kind::shape},
              {"range",
               [] {
                 fractional_max_pool2d(zeros({1, 2, 5, 5}), 2, 3, ones({1, 2, 2}));
               },
               "random samples must lie in [0, 1)"},
              {"kernel",
               [] {
                 fractional_max_pool2d(zeros({1, 2, 5, 5}), 4, 3, rand({1, 2, 2}));
               },
               "pool size 4 too large relative to input size 5", ErrorInput::Kind::shape},
              {"rank",
               [] {
                 fractional_max_pool2d(zeros({5, 5}), 2, 3, rand({1, 2, 2}));
               },
               "Expected 3D or 4D", ErrorInput::Kind::shape}};
  return c;
}

OpCase fractional3d_case() {
  OpCase c;
  c.name = "fractional_max_pool3d";
  c.samples = {
      fractional_sample("volumes", {1, 2, 4, 5, 6}, {2, 1, 3}, {2, 4, 3}, {0, 1, 2}, true)};
  c.errors = {{"output",
               [] {
                 fractional_max_pool3d(zeros({1, 4, 4, 4}), 2, 0, rand({1, 1, 3}));
               },
               "must be greater than zero", ErrorInput::Kind::shape}};
  return c;
}

std::vector<OpCase> places_ops() {
  return {unpool_case("max_unpool2d", {2, 2, 2, 3}, {4, 5},
                      [](const Tensor& x, const Tensor& i) {
                        return max_unpool2d(x, i, {4, 5});
                      }),
          unpool_case("max_unpool3d", {2, 2, 1, 2}, {2, 3, 4},
                      [](const Tensor& x, const Tensor& i) {
                        return max_unpool3d(x, i, {2, 3, 4}, {1, 1, 1}, {0, 0, 0});
                      }),
          fractional2d_case(), fractional3d_case()};
}
TAPER_OP_CASES(places_ops);

TEST(Unpooling, UndoesPooling) {
  Tensor x = rand({2, 3, 6, 4});
  const auto [pooled, indices] = max_pool2d_with_indices(x, 2);
  const Tensor back = max_unpool2d(pooled, indices, {6, 4});
  const auto [again, same] = max_pool2d_with_indices(back, 2);
  EXPECT_EQ(to_dense(again).values, to_dense(pooled).values);
  EXPECT_EQ(to_dense(same).values, to_dense(indices).values);
}

}  // namespace
}  // namespace taper::testing
