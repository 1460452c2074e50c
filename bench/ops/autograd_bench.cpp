// The cost of recording an op and of running its node, apart from any arithmetic.
#include "lib.h"
#include "rows.h"

namespace bench {
namespace {

// Seconds of one backward() through a chain of `length` multiplications. Graphs are built in
// groups outside the timed part, so that two clock reads are shared by a whole group.
double backward_seconds(const lib::Tensor& x, const lib::Tensor& factor, int length, int group) {
  std::vector<lib::Tensor> ends;
  ends.reserve(static_cast<size_t>(group));
  for (int i = 0; i < group; ++i) {
    lib::Tensor y = x;
    for (int j = 0; j < length; ++j) y = y * factor;
    ends.push_back(y);
  }
  Clock::time_point start = Clock::now();
  for (lib::Tensor& end : ends) end.backward();
  return seconds_since(start) / group;
}

struct Chain {
  lib::Tensor x = filled({1}, 1).requires_grad_();
  lib::Tensor factor = lib::ones({1});
};

// One iteration measures a long and a one-node chain; `per_node` picks which part is reported.
Row backward_row(const std::string& name, bool per_node) {
  Row row{name, "ns", {}};
  row.setup = [per_node] {
    Chain chain;
    Body body;
    body.run = [chain, per_node](int64_t count) {
      constexpr int kLong = 100, kLongGroup = 8, kShortGroup = 64;
      double total = 0.0;
      for (int64_t i = 0; i < count; ++i) {
        double long_chain = backward_seconds(chain.x, chain.factor, kLong, kLongGroup);
        double short_chain = backward_seconds(chain.x, chain.factor, 1, kShortGroup);
        double node = (long_chain - short_chain) / (kLong - 1);
        total += per_node ? node : short_chain - node;
      }
      return total;
    };
    body.check = [] {
      Chain fresh;
      backward_seconds(fresh.x, lib::full({1}, 0.99), 100, 3);
      return checksum(fresh.x.grad());
    };
    return body;
  };
  return row;
}

}  // namespace

void add_autograd_rows(Suite& suite) {
  Row recorded{"autograd/recorded_mul", "ns", {}};
  recorded.setup = [] {
    lib::Tensor a = filled({1}, 1).requires_grad_();
    lib::Tensor b = filled({1}, 2).requires_grad_();
    Body body;
    body.run = timed([a, b] {
      lib::Tensor result = a * b;
      keep(result);
    });
    body.check = [a, b] { return checksum(a * b); };
    return body;
  };
  suite.rows.push_back(recorded);
  suite.rows.push_back(backward_row("autograd/backward_per_node", true));
  suite.rows.push_back(backward_row("autograd/backward_fixed", false));
}

}  // namespace bench
