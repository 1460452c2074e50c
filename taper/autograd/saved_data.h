#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "taper/tensor/tensor.h"

namespace taper TAPER_API {
namespace autograd {

/// A plain value of a custom function: a number, a text, a tensor or a list. The to... functions
/// throw unless the value is of that kind; the names are those of LibTorch's IValue.
class SavedValue {
 public:
  SavedValue() = default;
  SavedValue(bool value) : kind_(Kind::kBool), integer_(value) {}
  SavedValue(double value) : kind_(Kind::kDouble), real_(value) {}
  template <class Int>
  requires std::is_integral_v<Int> SavedValue(Int value)
      : kind_(Kind::kInt), integer_(static_cast<int64_t>(value)) {}
  SavedValue(std::string value);
  SavedValue(const char* value) : SavedValue(std::string(value)) {}
  SavedValue(Tensor value);
  SavedValue(std::vector<int64_t> value);
  SavedValue(std::vector<double> value);
  SavedValue(std::vector<Tensor> value);

  bool isNone() const { return kind_ == Kind::kNone; }
  bool isBool() const { return kind_ == Kind::kBool; }
  bool isInt() const { return kind_ == Kind::kInt; }
  bool isDouble() const { return kind_ == Kind::kDouble; }
  bool isString() const { return kind_ == Kind::kString; }
  bool isTensor() const { return kind_ == Kind::kTensor; }
  bool isIntList() const { return kind_ == Kind::kIntList; }
  bool isDoubleList() const { return kind_ == Kind::kDoubleList; }
  bool isTensorList() const { return kind_ == Kind::kTensorList; }

  bool toBool() const { return check(Kind::kBool).integer_ != 0; }
  int64_t toInt() const { return check(Kind::kInt).integer_; }
  double toDouble() const { return check(Kind::kDouble).real_; }
  const std::string& toStringRef() const { return object<std::string>(Kind::kString); }
  const Tensor& toTensor() const { return object<Tensor>(Kind::kTensor); }
  std::vector<int64_t> toIntVector() const;
  std::vector<double> toDoubleVector() const;
  std::vector<Tensor> toTensorVector() const;

 private:
  enum class Kind : uint8_t {
    kNone,
    kBool,
    kInt,
    kDouble,
    kString,
    kTensor,
    kIntList,
    kDoubleList,
    kTensorList
  };
  const SavedValue& check(Kind wanted) const;
  template <class T>
  const T& object(Kind wanted) const {
    return *static_cast<const T*>(check(wanted).object_.get());
  }

  Kind kind_ = Kind::kNone;
  int64_t integer_ = 0;
  double real_ = 0;
  std::shared_ptr<const void> object_;
};

/// A few values by name, in the order in which they were added.
class SavedData {
 public:
  using value_type = std::pair<std::string, SavedValue>;

  /// The value of that name, an empty one at first.
  SavedValue& operator[](const std::string& name);
  /// Throws when there is none of that name.
  const SavedValue& at(const std::string& name) const;
  bool contains(const std::string& name) const { return find(name) != nullptr; }
  size_t count(const std::string& name) const { return contains(name) ? 1 : 0; }
  size_t erase(const std::string& name);
  void clear() { values_.clear(); }
  size_t size() const { return values_.size(); }
  bool empty() const { return values_.empty(); }
  auto begin() const { return values_.begin(); }
  auto end() const { return values_.end(); }

 private:
  const SavedValue* find(const std::string& name) const;

  std::vector<value_type> values_;
};

}  // namespace autograd
}  // namespace taper
