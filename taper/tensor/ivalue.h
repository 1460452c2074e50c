#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "taper/tensor/tensor.h"

namespace taper TAPER_API {

/// A value of a state dict or of a pickled file, as c10::IValue: nothing, a truth value, a number,
/// a text, bytes, a tensor, or a list, tuple or dict of values. A dict keeps the order of
/// insertion. Reading one as another kind throws and says which it is.
class IValue {
 public:
  enum class Kind : uint8_t { None, Bool, Int, Double, String, Tensor, List, Tuple, Dict, Bytes };
  using Items = std::vector<std::pair<IValue, IValue>>;

  IValue() = default;
  IValue(bool value) : kind_(Kind::Bool), int_(value) {}
  IValue(int value) : IValue(static_cast<int64_t>(value)) {}
  IValue(int64_t value) : kind_(Kind::Int), int_(value) {}
  IValue(double value) : kind_(Kind::Double), double_(value) {}
  IValue(const char* value) : IValue(std::string(value)) {}
  IValue(std::string value) : kind_(Kind::String), string_(std::move(value)) {}
  /// An undefined tensor is nothing.
  IValue(Tensor value) : kind_(value.defined() ? Kind::Tensor : Kind::None) {
    tensor_ = std::move(value);
  }
  static IValue list(std::vector<IValue> elements = {}) {
    return IValue(Kind::List, std::move(elements));
  }
  static IValue tuple(std::vector<IValue> elements) {
    return IValue(Kind::Tuple, std::move(elements));
  }
  /// The keys must differ.
  static IValue dict(Items items = {}) {
    IValue value(Kind::Dict, {});
    value.items_ = std::move(items);
    return value;
  }
  static IValue bytes(std::string value) {
    IValue result(std::move(value));
    result.kind_ = Kind::Bytes;
    return result;
  }

  Kind kind() const { return kind_; }
  /// "int", "Tensor", "dict", ...
  const char* type_name() const;
  bool isNone() const { return kind_ == Kind::None; }
  bool isBool() const { return kind_ == Kind::Bool; }
  bool isInt() const { return kind_ == Kind::Int; }
  bool isDouble() const { return kind_ == Kind::Double; }
  bool isString() const { return kind_ == Kind::String; }
  bool isBytes() const { return kind_ == Kind::Bytes; }
  bool isTensor() const { return kind_ == Kind::Tensor; }
  bool isList() const { return kind_ == Kind::List; }
  bool isTuple() const { return kind_ == Kind::Tuple; }
  bool isGenericDict() const { return kind_ == Kind::Dict; }

  bool toBool() const;
  int64_t toInt() const;
  /// Takes an int as well.
  double toDouble() const;
  const std::string& toStringRef() const;
  const std::string& toBytesRef() const;
  const Tensor& toTensor() const;
  /// The elements of a list or a tuple.
  const std::vector<IValue>& toListRef() const;
  std::vector<IValue>& toListRef();
  /// The items of a dict.
  const Items& toGenericDict() const;

  /// The value of a dict's key, or null.
  const IValue* find(std::string_view key) const;
  const IValue* find(int64_t key) const;
  IValue* find(std::string_view key) { return const_cast<IValue*>(std::as_const(*this).find(key)); }
  IValue* find(int64_t key) { return const_cast<IValue*>(std::as_const(*this).find(key)); }
  /// Throws when a dict has no such key.
  const IValue& at(std::string_view key) const;
  IValue& at(std::string_view key) { return const_cast<IValue&>(std::as_const(*this).at(key)); }
  /// Replaces the value of a dict's key, or appends it.
  void insert(std::string key, IValue value);
  void insert(int64_t key, IValue value);
  /// Removes a dict's key; returns whether there was one.
  bool erase(std::string_view key);
  /// What Python keeps beside a state dict's items, as its attribute _metadata; null when there is
  /// none.
  const IValue* metadata() const;
  void set_metadata(IValue metadata);
  /// Elements of a list or a tuple, items of a dict.
  size_t size() const;

 private:
  IValue(Kind kind, std::vector<IValue> elements) : kind_(kind), elements_(std::move(elements)) {}
  void check(bool is_expected, const char* expected) const;

  Kind kind_ = Kind::None;
  union {
    int64_t int_ = 0;
    double double_;
  };
  Tensor tensor_;
  std::string string_;
  std::vector<IValue> elements_;  // of a dict: its metadata, if any
  Items items_;
};

}  // namespace taper
