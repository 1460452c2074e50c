// Attention, forward and backward, against the composed form of LibTorch 1.13.1, which has no other
// with gradients.
#include <cmath>

#include "lib.h"
#include "rows.h"

namespace bench {
namespace {

lib::Tensor attend(const lib::Tensor& q, const lib::Tensor& k, const lib::Tensor& v,
                   const lib::Tensor& mask) {
#ifdef BENCH_PEER
  const double scale = 1 / std::sqrt(static_cast<double>(q.size(-1)));
  lib::Tensor scores = lib::matmul(q * scale, k.transpose(-2, -1));
  if (mask.defined()) scores = scores + mask;
  return lib::matmul(lib::softmax(scores, -1), v);
#else
  return lib::scaled_dot_product_attention(q, k, v, {}, 0, mask.defined());
#endif
}

void add_row(Suite& suite, int64_t batch, int64_t heads, int64_t length, bool causal) {
  Row row{"ops/attention/" + std::to_string(length) + (causal ? "/causal" : ""), "us", {}};
  row.threads = {1, 2};
  row.setup = [=] {
    const auto input = [&](uint64_t seed) {
      return filled({batch, heads, length, 64}, seed).requires_grad_();
    };
    const lib::Tensor q = input(1), k = input(2), v = input(3);
    const lib::Tensor grad = filled({batch, heads, length, 64}, 4);
    lib::Tensor mask;
    if (causal) mask = lib::full({length, length}, -INFINITY).triu(1);
    const auto step = [=] {
      return lib::autograd::grad({attend(q, k, v, mask)}, {q, k, v}, {grad});
    };
    Body body;
    body.run = timed([=] {
      auto grads = step();
      keep(grads);
    });
    body.check = [=] {
      const auto grads = step();
      return checksum(lib::cat({grads[0], grads[1], grads[2], attend(q, k, v, mask).detach()}));
    };
    return body;
  };
  suite.rows.push_back(row);
}

}  // namespace

void add_attention_rows(Suite& suite) {
  add_row(suite, 16, 8, 16, false);
  add_row(suite, 16, 8, 128, false);
  for (const bool causal : {false, true}) add_row(suite, 1, 8, 1024, causal);
  add_row(suite, 1, 2, 4096, false);
}

}  // namespace bench
