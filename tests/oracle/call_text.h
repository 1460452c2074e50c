// Calls of ops as texts: add(float32[2,3], int64[3]:leaf, 1).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tests/oracle/boxed.h"

namespace taper::oracle {

struct Call {
  std::string name;
  std::vector<IValue> arguments;
};

/// Reads name(argument, ...). An argument is None, true, false, a number, "a text", [a list],
/// dtype=float64 (options) or a tensor: its type, its sizes and marks. A tensor is of ones; `:2` is
/// of twos, `:eye` the identity, `:leaf` wants its gradient, `:expanded` has one element in memory,
/// `:shared` lies where the call's other shared tensors do, `:shifted` one element further.
Call read_call(std::string_view text);

/// Calls the first overload of that name that takes these arguments.
std::vector<Tensor> perform(const Call& call);

}  // namespace taper::oracle
