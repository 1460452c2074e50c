#include "taper/tensor/ivalue.h"

namespace taper {

const char* IValue::type_name() const {
  constexpr const char* kNames[] = {"None",   "bool", "int",   "float", "str",
                                    "Tensor", "list", "tuple", "dict",  "bytes"};
  return kNames[static_cast<int>(kind_)];
}

void IValue::check(bool is_expected, const char* expected) const {
  TAPER_CHECK(is_expected, "IValue: expected ", expected, " but got ", type_name());
}

bool IValue::toBool() const {
  check(isBool(), "bool");
  return int_ != 0;
}

int64_t IValue::toInt() const {
  check(isInt(), "int");
  return int_;
}

double IValue::toDouble() const {
  check(isDouble() || isInt(), "float");
  return isInt() ? static_cast<double>(int_) : double_;
}

const std::string& IValue::toStringRef() const {
  check(isString(), "str");
  return string_;
}

const std::string& IValue::toBytesRef() const {
  check(isBytes(), "bytes");
  return string_;
}

const Tensor& IValue::toTensor() const {
  check(isTensor(), "Tensor");
  return tensor_;
}

const std::vector<IValue>& IValue::toListRef() const {
  check(isList() || isTuple(), "list");
  return elements_;
}

std::vector<IValue>& IValue::toListRef() {
  return const_cast<std::vector<IValue>&>(std::as_const(*this).toListRef());
}

const IValue::Items& IValue::toGenericDict() const {
  check(isGenericDict(), "dict");
  return items_;
}

const IValue* IValue::find(std::string_view key) const {
  for (const auto& [name, value] : toGenericDict()) {
    if (name.isString() && name.string_ == key) return &value;
  }
  return nullptr;
}

const IValue* IValue::find(int64_t key) const {
  for (const auto& [number, value] : toGenericDict()) {
    if (number.isInt() && number.int_ == key) return &value;
  }
  return nullptr;
}

const IValue& IValue::at(std::string_view key) const {
  const IValue* value = find(key);
  TAPER_CHECK(value != nullptr, "IValue: the dict has no key '", key, "'");
  return *value;
}

void IValue::insert(std::string key, IValue value) {
  if (IValue* place = find(key)) {
    *place = std::move(value);
  } else {
    items_.emplace_back(std::move(key), std::move(value));
  }
}

void IValue::insert(int64_t key, IValue value) {
  if (IValue* place = find(key)) {
    *place = std::move(value);
  } else {
    items_.emplace_back(key, std::move(value));
  }
}

bool IValue::erase(std::string_view key) {
  check(isGenericDict(), "dict");
  for (size_t i = 0; i < items_.size(); ++i) {
    if (!items_[i].first.isString() || items_[i].first.string_ != key) continue;
    items_.erase(items_.begin() + static_cast<std::ptrdiff_t>(i));
    return true;
  }
  return false;
}

const IValue* IValue::metadata() const {
  return isGenericDict() && !elements_.empty() ? elements_.data() : nullptr;
}

void IValue::set_metadata(IValue metadata) {
  check(isGenericDict(), "dict");
  elements_.clear();
  elements_.push_back(std::move(metadata));
}

size_t IValue::size() const {
  if (isGenericDict()) return items_.size();
  return toListRef().size();
}

}  // namespace taper
