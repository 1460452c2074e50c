// The fixed cost of one call: tensors so small that the arithmetic does not count.
#include "lib.h"
#include "rows.h"

namespace bench {
namespace {

// Inputs are made under the same guard as the loop: an inference tensor is cheaper than a plain
// one.
template <class Guard, class Make>
Row tiny(const std::string& name, Make make) {
  Row row{name, "ns", {}};
  row.setup = [make] {
    Guard guard;
    auto op = make();
    Body body;
    body.run = timed_under<Guard>([op]() mutable {
      lib::Tensor result = op();
      keep(result);
    });
    body.check = [op]() mutable {
      Guard check_guard;
      return checksum(op());
    };
    return body;
  };
  return row;
}

template <class Guard>
void add_views(Suite& suite, const std::string& mode) {
  Row empty{"tiny/empty/" + mode, "ns", {}};
  empty.setup = [] {
    Body body;
    body.run = timed_under<Guard>([] {
      lib::Tensor result = lib::empty({4, 8});
      keep(result);
    });
    return body;
  };
  suite.rows.push_back(empty);
  auto input = [] { return filled({4, 8}, 1); };
  suite.rows.push_back(tiny<Guard>("tiny/view/" + mode, [=] {
    return [x = input()] { return x.view({8, 4}); };
  }));
  suite.rows.push_back(
      tiny<Guard>("tiny/t/" + mode, [=] { return [x = input()] { return x.t(); }; }));
  suite.rows.push_back(
      tiny<Guard>("tiny/select/" + mode, [=] { return [x = input()] { return x.select(0, 1); }; }));
  suite.rows.push_back(tiny<Guard>("tiny/narrow/" + mode,
                                   [=] { return [x = input()] { return x.narrow(1, 2, 3); }; }));
}

}  // namespace

void add_tiny_rows(Suite& suite) {
  using NoGrad = lib::NoGradGuard;
  for (int64_t count : {1, 64}) {
    suite.rows.push_back(tiny<NoGrad>("tiny/add/" + std::to_string(count), [count] {
      return [a = filled({count}, 1), b = filled({count}, 2)] { return a + b; };
    }));
  }
  suite.rows.push_back(
      tiny<NoGrad>("tiny/mul_scalar/1", [] { return [a = filled({1}, 1)] { return a * 2.0; }; }));
  add_views<NoGrad>(suite, "no_grad");
  add_views<InferenceMode>(suite, "inference");
}

}  // namespace bench
