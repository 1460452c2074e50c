#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <typeinfo>
#include <utility>
#include <vector>

#include "taper/tensor/tensor.h"

namespace taper TAPER_API {
namespace nn::detail {

struct DerivedList;
struct ModuleAccess;

/// The tensors of a module that each call computes from others before forward(): parametrized,
/// normalised and pruned ones. Copies have the same rules.
class DerivedTensors {
 public:
  DerivedTensors() = default;
  DerivedTensors(const DerivedTensors& other);
  DerivedTensors& operator=(const DerivedTensors& other);
  ~DerivedTensors();
  bool is_empty() const { return list_ == nullptr; }

 private:
  friend struct ModuleAccess;
  void set(std::shared_ptr<DerivedList> list);

  std::shared_ptr<DerivedList> list_;
};

/// Which members of a module hold its tensors, as distances from the module. A copy of a module has
/// them at the same distances if it is of the same type.
struct TensorMembers {
  static constexpr std::ptrdiff_t kNoMember = PTRDIFF_MIN;  // forward() asks for it by name

  TensorMembers() = default;
  TensorMembers(const TensorMembers&) = default;
  /// Keeps its own, and learns the names without a member.
  TensorMembers& operator=(const TensorMembers& other);

  std::vector<std::pair<std::string, std::ptrdiff_t>> distances;
  const std::type_info* copied_from = nullptr;
};

}  // namespace nn::detail
}  // namespace taper
