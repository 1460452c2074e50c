// Layer normalization, forward and backward.
#include "lib.h"
#include "rows.h"

namespace bench {

void add_normalization_rows(Suite& suite) {
  for (int64_t width : {384, 1024}) {
    Row row{"ops/layer_norm/2048x" + std::to_string(width), "us", {}};
    row.threads = {1, 2};
    row.setup = [=] {
      const lib::Tensor x = filled({2048, width}, 1).requires_grad_();
      const lib::Tensor weight = filled({width}, 2, 0.5f, 1.5f).requires_grad_();
      const lib::Tensor bias = filled({width}, 3).requires_grad_();
      const lib::Tensor grad = filled({2048, width}, 4);
      const auto forward = [=] { return lib::layer_norm(x, {width}, weight, bias); };
      const auto step = [=] { return lib::autograd::grad({forward()}, {x, weight, bias}, {grad}); };
      Body body;
      body.run = timed([=] {
        auto grads = step();
        keep(grads);
      });
      body.check = [=] {
        const auto grads = step();
        return checksum(lib::cat(
            {grads[0], grads[1].view({1, width}), grads[2].view({1, width}), forward().detach()}));
      };
      return body;
    };
    suite.rows.push_back(row);
  }
}

}  // namespace bench
