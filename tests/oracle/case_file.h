// The file of cases that tests/oracle/samples.py writes: one tagged value after the other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/oracle/boxed.h"

namespace taper::oracle {

/// One call of an op. The gradients, when there are any, are those of the tensor arguments marked
/// in the file, in the order in which they stand there.
struct Case {
  int64_t id = 0;
  std::string call;  // a signature of kTable
  std::vector<IValue> arguments;
  std::vector<IValue> outputs;
  std::vector<IValue> grad_outputs;
  std::vector<IValue> gradients;
  std::vector<Tensor> inputs;  // the marked ones
  std::vector<IValue> exact;   // the outputs of the same call in float64
  double atol = 0;             // when more than the usual
  bool magnitudes = false;     // the sign of each column of the results is free
  bool symmetric = false;      // of the gradients only the sum with the transposed is determined
  bool shapes = false;         // only types and sizes are compared
  bool views = false;          // strides and shared memory are compared as well
  std::string fails;           // the error with which PyTorch refuses the arguments
};

class CaseFile {
 public:
  explicit CaseFile(const std::string& path);
  /// The next case, or nothing at the end.
  std::optional<Case> next();

 private:
  template <class T>
  T number();
  std::string text();
  IValue value();
  Tensor tensor();
  std::vector<IValue> list(const IValue* found) const;

  std::string bytes_;
  size_t at_ = 0;
  std::vector<Tensor> marked_;
};

}  // namespace taper::oracle
