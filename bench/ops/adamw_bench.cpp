// One AdamW step over many small tensors and over one large tensor.
#include "lib.h"
#include "rows.h"

namespace bench {
namespace {

struct Problem {
  std::vector<lib::Tensor> parameters;
  std::shared_ptr<lib::optim::AdamW> optimizer;

  Problem(int64_t tensors, int64_t elements) {
    for (int64_t i = 0; i < tensors; ++i) {
      uint64_t seed = static_cast<uint64_t>(i);
      parameters.push_back(filled({elements}, seed).requires_grad_());
      parameters.back().mutable_grad() = filled({elements}, seed + 7919);
    }
    optimizer = std::make_shared<lib::optim::AdamW>(
        parameters, lib::optim::AdamWOptions(1e-3).weight_decay(1e-2));
  }
};

}  // namespace

void add_adamw_rows(Suite& suite) {
  for (bool many : {true, false}) {
    int64_t tensors = many ? 1000 : 1, elements = many ? 1000 : 25'000'000;
    Row row{many ? "adamw/1000x1K" : "adamw/1x25M", "ms", {}};
    row.threads = {1, 2};
    // Reads parameter, gradient and both moments, writes all but the gradient.
    row.bytes = 28.0 * static_cast<double>(tensors * elements);
    row.elements = tensors * elements;
    row.setup = [=] {
      auto problem = std::make_shared<Problem>(tensors, elements);
      Body body;
      body.run = timed([problem] { problem->optimizer->step(); });
      body.check = [=] {
        Problem fresh(tensors, elements);
        for (int i = 0; i < 3; ++i) fresh.optimizer->step();
        return checksum(fresh.parameters.front());
      };
      return body;
    };
    suite.rows.push_back(row);
  }
}

}  // namespace bench
