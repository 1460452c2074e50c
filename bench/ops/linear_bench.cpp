// Small linear layers: mostly overhead, a little arithmetic.
#include "lib.h"
#include "rows.h"

namespace bench {

void add_linear_rows(Suite& suite) {
  Row forward{"linear/1x64->64/no_grad", "ns", {}};
  forward.setup = [] {
    lib::Tensor x = filled({1, 64}, 1), weight = filled({64, 64}, 2), bias = filled({64}, 3);
    auto op = [=] { return lib::linear(x, weight, bias); };
    Body body;
    body.run = timed_under<lib::NoGradGuard>([op] {
      lib::Tensor result = op();
      keep(result);
    });
    body.check = [op] { return checksum(op()); };
    return body;
  };
  suite.rows.push_back(forward);

  Row backward{"linear/Linear(8,8)_batch8/forward_backward", "ns", {}};
  backward.setup = [] {
    lib::nn::Linear layer(8, 8);
    set_weights(layer->parameters(), 5);
    lib::Tensor x = filled({8, 8}, 1);
    auto step = [layer, x]() mutable { layer->forward(x).sum().backward(); };
    Body body;
    body.run = timed(step);
    body.check = [x] {
      lib::nn::Linear fresh(8, 8);
      set_weights(fresh->parameters(), 5);
      fresh->forward(x).sum().backward();
      return checksum(fresh->weight.grad());
    };
    return body;
  };
  suite.rows.push_back(backward);
}

}  // namespace bench
