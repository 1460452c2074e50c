// Every op of taper/ops/ as a function of boxed arguments, looked up by its signature.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "taper/taper.h"

namespace taper::oracle {

/// What the boxed call cannot read: the fault of the case, never of the op.
struct BadCase {
  std::string text;
};

/// The arguments of one call, in the order of the parameters. Types are texts ("float32"), options
/// are None or a dict with "dtype". Arrays live as long as this object.
class Arguments {
 public:
  explicit Arguments(std::vector<IValue> values);

  Tensor& tensor(size_t i);
  TensorList tensors(size_t i);
  std::optional<Tensor> optional_tensor(size_t i);
  Scalar scalar(size_t i);
  std::optional<Scalar> optional_scalar(size_t i);
  ArrayRef<Scalar> scalars(size_t i);
  int64_t integer(size_t i);
  std::optional<int64_t> optional_integer(size_t i);
  IntArrayRef integers(size_t i);
  OptionalIntArrayRef optional_integers(size_t i);
  double real(size_t i);
  std::optional<double> optional_real(size_t i);
  std::optional<ArrayRef<double>> optional_reals(size_t i);
  bool truth(size_t i);
  std::optional<bool> optional_truth(size_t i);
  Correction correction(size_t i);
  std::string_view text(size_t i);
  std::optional<std::string_view> optional_text(size_t i);
  ScalarType type(size_t i);
  std::optional<ScalarType> optional_type(size_t i);
  TensorOptions options(size_t i);
  MemoryFormat format(size_t i);
  std::optional<MemoryFormat> optional_format(size_t i);
  std::optional<Generator> generator(size_t i);

 private:
  const IValue& at(size_t i) const;
  bool none(size_t i) const { return at(i).isNone(); }

  std::vector<IValue> values_;
  std::deque<Tensor> tensors_;
  std::deque<std::vector<Tensor>> lists_;
  std::deque<std::vector<int64_t>> integers_;
  std::deque<std::vector<double>> reals_;
  std::deque<std::vector<Scalar>> scalars_;
};

struct Entry {
  const char* signature;  // add(Tensor,Tensor,Scalar)
  bool writes;            // the _ and _out forms
  std::vector<Tensor> (*call)(Arguments&);
};

extern const Entry kTable[];
extern const size_t kTableSize;

/// The entry of a signature, or null.
const Entry* find_entry(std::string_view signature);
/// float32, int64, bool...
ScalarType type_named(std::string_view name);

inline std::vector<Tensor> boxed(Tensor result) { return {std::move(result)}; }
inline std::vector<Tensor> boxed(std::vector<Tensor> result) { return result; }
inline std::vector<Tensor> boxed(bool result) { return {scalar_tensor(result, kBool)}; }
template <class... Tensors>
std::vector<Tensor> boxed(const std::tuple<Tensors...>& result) {
  return std::apply([](const Tensors&... each) { return std::vector<Tensor>{each...}; }, result);
}

}  // namespace taper::oracle
