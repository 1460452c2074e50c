// Modules by name, with their options as a dict: how replayed cases make and call them.
#pragma once

#include <string>
#include <vector>

#include "tests/oracle/case_file.h"

namespace taper::oracle {

/// What a call of a module gives.
struct ModuleResult {
  std::vector<Tensor> outputs;  // every tensor of the result, then the buffers after the call
  std::vector<Tensor> inputs;   // whose gradients the case holds: the arguments', the parameters'
  std::string difference;       // in the names, order or sizes of its state
};

/// Whether the case calls a module: "nn.Conv2d".
bool calls_module(const Case& c);
/// Makes the module of the case, loads its state and calls it. The arguments of the case are: the
/// options; {"train": bool} and what the call takes besides tensors; the state, a list of pairs;
/// the tensors.
ModuleResult call_module(const Case& c);

}  // namespace taper::oracle
