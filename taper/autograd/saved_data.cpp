#include "taper/autograd/saved_data.h"

#include <algorithm>

namespace taper::autograd {
namespace {
template <class T>
std::shared_ptr<const T> shared(T value) {
  return std::make_shared<const T>(std::move(value));
}
}  // namespace

SavedValue::SavedValue(std::string value)
    : kind_(Kind::kString), object_(shared(std::move(value))) {}
SavedValue::SavedValue(Tensor value) : kind_(Kind::kTensor), object_(shared(std::move(value))) {}
SavedValue::SavedValue(std::vector<int64_t> value)
    : kind_(Kind::kIntList), object_(shared(std::move(value))) {}
SavedValue::SavedValue(std::vector<double> value)
    : kind_(Kind::kDoubleList), object_(shared(std::move(value))) {}
SavedValue::SavedValue(std::vector<Tensor> value)
    : kind_(Kind::kTensorList), object_(shared(std::move(value))) {}

std::vector<int64_t> SavedValue::toIntVector() const {
  return object<std::vector<int64_t>>(Kind::kIntList);
}
std::vector<double> SavedValue::toDoubleVector() const {
  return object<std::vector<double>>(Kind::kDoubleList);
}
std::vector<Tensor> SavedValue::toTensorVector() const {
  return object<std::vector<Tensor>>(Kind::kTensorList);
}

const SavedValue& SavedValue::check(Kind wanted) const {
  static constexpr const char* names[] = {"None",   "Bool",    "Int",        "Double",    "String",
                                          "Tensor", "IntList", "DoubleList", "TensorList"};
  TAPER_CHECK(kind_ == wanted, "saved_data: Expected ", names[static_cast<size_t>(wanted)],
              " but got ", names[static_cast<size_t>(kind_)]);
  return *this;
}

const SavedValue* SavedData::find(const std::string& name) const {
  for (const value_type& value : values_) {
    if (value.first == name) return &value.second;
  }
  return nullptr;
}

SavedValue& SavedData::operator[](const std::string& name) {
  for (value_type& value : values_) {
    if (value.first == name) return value.second;
  }
  return values_.emplace_back(name, SavedValue()).second;
}

const SavedValue& SavedData::at(const std::string& name) const {
  const SavedValue* value = find(name);
  TAPER_CHECK_AS(IndexError, value != nullptr, "saved_data: no value of the name '", name, "'");
  return *value;
}

size_t SavedData::erase(const std::string& name) {
  const auto gone = std::remove_if(values_.begin(), values_.end(),
                                   [&](const value_type& v) { return v.first == name; });
  const size_t count = static_cast<size_t>(values_.end() - gone);
  values_.erase(gone, values_.end());
  return count;
}

}  // namespace taper::autograd
