#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "taper/tensor/ivalue.h"

namespace taper TAPER_API {
namespace optim {
namespace detail {

// Members as they stand in a state dict, and back; unpack() throws on another kind.
IValue pack(double value);
IValue pack(bool value);
IValue pack(int64_t value);
IValue pack(const std::string& value);
IValue pack(const Tensor& value);
void unpack(const IValue& from, double& value);
void unpack(const IValue& from, bool& value);
void unpack(const IValue& from, int64_t& value);
void unpack(const IValue& from, std::string& value);
void unpack(const IValue& from, Tensor& value);
/// The elements of a list or tuple, which must be so many.
const std::vector<IValue>& elements_of(const IValue& from, size_t count);

template <class T>
IValue pack(const std::optional<T>& value) {
  return value ? pack(*value) : IValue();
}
template <class T>
void unpack(const IValue& from, std::optional<T>& value) {
  T made{};
  if (!from.isNone()) unpack(from, made);
  value = from.isNone() ? std::nullopt : std::optional<T>(std::move(made));
}
template <class T>
IValue pack(const std::vector<T>& values) {
  std::vector<IValue> elements;
  elements.reserve(values.size());
  for (const T& value : values) elements.push_back(pack(value));
  return IValue::list(std::move(elements));
}
template <class T>
void unpack(const IValue& from, std::vector<T>& values) {
  std::vector<T> made;
  for (const IValue& element : from.toListRef()) unpack(element, made.emplace_back());
  values = std::move(made);
}
template <class... T>
IValue pack(const std::tuple<T...>& values) {
  return std::apply([](const T&... value) { return IValue::tuple({pack(value)...}); }, values);
}
template <class... T>
void unpack(const IValue& from, std::tuple<T...>& values) {
  const IValue* element = elements_of(from, sizeof...(T)).data();
  std::apply([&](T&... value) { (unpack(*element++, value), ...); }, values);
}

}  // namespace detail

/// Walks the members of options, of a parameter's state or of a scheduler under Python's names:
/// one list of them serves saving, loading and looking up.
class Fields {
 public:
  enum class Presence : uint8_t { required, optional };
  static constexpr Presence kOptional = Presence::optional;

  /// Collects what is walked into a dict.
  static Fields saving() { return Fields(Mode::save, IValue::dict(), {}, nullptr); }
  /// Sets what is walked from a dict. context begins every error. With a parameter, buffers get
  /// its sizes checked, and tensors its type.
  static Fields loading(IValue from, std::string context, const Tensor* param = nullptr) {
    return Fields(Mode::load, std::move(from), std::move(context), param);
  }

  /// A member; an optional one may be missing when it is loaded and then keeps its value.
  template <class T>
  void operator()(const char* name, T& value, Presence presence = Presence::required) {
    if (mode_ == Mode::save) {
      dict_.insert(name, detail::pack(value));
    } else if (const IValue* from = take(name, presence)) {
      try {
        detail::unpack(*from, value);
      } catch (const Error& error) {
        fail(name, error);
      }
    }
  }
  /// A tensor of the parameter's sizes. An optional one is left out while it is undefined.
  void buffer(const char* name, Tensor& value, Presence presence = Presence::required);
  /// A factor of a matrix's variance, of the parameter's sizes but for 1 in dimension dim
  /// (negative); dim 0: the variance of what is no matrix. Absent for the others.
  void factor(const char* name, Tensor& value, int dim);
  /// A count or number that Python keeps in a tensor without dimensions; loads from numbers too.
  void scalar(const char* name, int64_t& value);
  void scalar(const char* name, double& value);

  bool is_saving() const { return mode_ == Mode::save; }
  /// What was collected; what has not been taken yet.
  IValue& dict() { return dict_; }
  /// A key's value, or null where it may be missing. Throws where it must not.
  const IValue* take(const char* name, Presence presence = Presence::required);
  /// After loading: throws when keys are left that nobody asked for.
  void finish() const;

 private:
  void read_tensor(const char* name, const IValue& from, Tensor& value, IntArrayRef sizes);
  enum class Mode : uint8_t { save, load };
  Fields(Mode mode, IValue dict, std::string context, const Tensor* param)
      : mode_(mode), dict_(std::move(dict)), context_(std::move(context)), param_(param) {}
  [[noreturn]] void fail(const char* name, const Error& error) const;

  Mode mode_;
  IValue dict_;
  std::string context_;
  const Tensor* param_;
  std::vector<std::string> taken_;
};

}  // namespace optim
}  // namespace taper
