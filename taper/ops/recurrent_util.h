#pragma once

#include <vector>

#include "taper/kernel/recurrent.h"
#include "taper/tensor/tensor.h"

namespace taper {

/// The steps of a layer in the order in which it takes them. Step t reads and writes `count` rows
/// from row `first` on; of its states the first `kept` come from the step before, whose rows start
/// at `before`, and the rest from the start. The states of the rows from `next` on end with it.
struct RecurrentSteps {
  struct Step {
    int64_t first, count, before, kept, next;
  };
  /// counts[t] is how many sequences reach step t; it never grows.
  RecurrentSteps(const std::vector<int64_t>& counts, bool reverse);

  std::vector<Step> steps;
  int64_t rows = 0, samples = 0;
};

/// One layer in one direction, undefined where it has none: c of an LSTM, biases, a projection.
struct RecurrentArgs {
  Tensor x, h, c, w_ih, w_hh, b_ih, b_hh, w_hr;
};
struct RecurrentResult {
  Tensor output, h, c;
};

/// x [rows, in] to the outputs [rows, h] and last states [samples, h]; sizes and types fit.
RecurrentResult recurrent_layer(RecurrentCell cell, const RecurrentArgs& args,
                                const RecurrentSteps& steps);

}  // namespace taper
