#pragma once

#include <array>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

#include "taper/base/demangle.h"
#include "taper/base/error.h"
#include "taper/tensor/tensor.h"

namespace taper TAPER_API {
namespace nn {
namespace detail {

/// Adds the tensors of a value in order: of a Tensor, or of the elements of an optional, pair,
/// tuple, array or vector; an element that is none of these adds null. Returns false for a value
/// of any other type, which is opaque.
template <class T>
bool find_tensors(T& value, std::vector<Tensor*>& found);

template <class T>
void find_element_tensors(T& value, std::vector<Tensor*>& found) {
  if (!find_tensors(value, found)) found.push_back(nullptr);
}
template <class T>
void find_tensors_of(std::optional<T>* value, std::vector<Tensor*>& found) {
  if (*value) {
    find_element_tensors(**value, found);
  } else {
    found.push_back(nullptr);
  }
}
template <class T>
void find_tensors_of(std::vector<T>* value, std::vector<Tensor*>& found) {
  for (T& element : *value) find_element_tensors(element, found);
}
template <class T, size_t N>
void find_tensors_of(std::array<T, N>* value, std::vector<Tensor*>& found) {
  for (T& element : *value) find_element_tensors(element, found);
}
template <class A, class B>
void find_tensors_of(std::pair<A, B>* value, std::vector<Tensor*>& found) {
  find_element_tensors(value->first, found);
  find_element_tensors(value->second, found);
}
template <class... T>
void find_tensors_of(std::tuple<T...>* value, std::vector<Tensor*>& found) {
  std::apply([&](T&... element) { (find_element_tensors(element, found), ...); }, *value);
}
void find_tensors_of(std::vector<bool>* value, std::vector<Tensor*>& found) = delete;

/// Whether find_tensors() looks into values of this type.
template <class T>
inline constexpr bool may_hold_tensors = std::is_same_v<T, Tensor> ||
                                         requires(T* value, std::vector<Tensor*>& found) {
  find_tensors_of(value, found);
};

template <class T>
bool find_tensors(T& value, std::vector<Tensor*>& found) {
  if constexpr (std::is_same_v<T, Tensor>) {
    found.push_back(&value);
  } else if constexpr (may_hold_tensors<T>) {
    find_tensors_of(&value, found);
  }
  return may_hold_tensors<T>;
}

}  // namespace detail

/// A value of any copyable type, which remembers the type.
class AnyValue {
 public:
  AnyValue() = default;
  AnyValue(AnyValue&&) = default;
  AnyValue& operator=(AnyValue&&) = default;
  AnyValue(const AnyValue& other) : content_(other.content_ ? other.content_->copy() : nullptr) {}
  AnyValue& operator=(const AnyValue& other) { return *this = AnyValue(other); }
  template <class T>
  requires(!std::is_same_v<std::remove_cvref_t<T>, AnyValue>) explicit AnyValue(T&& value)
      : content_(std::make_unique<Holder<std::decay_t<T>>>(std::forward<T>(value))) {}

  bool is_empty() const { return content_ == nullptr; }
  /// The value when it is of type T (references and const do not count), else null.
  template <class T>
  std::decay_t<T>* try_get() {
    if (!content_ || content_->type != typeid(std::decay_t<T>)) return nullptr;
    return &static_cast<Holder<std::decay_t<T>>*>(content_.get())->value;
  }
  template <class T>
  const std::decay_t<T>* try_get() const {
    return const_cast<AnyValue*>(this)->template try_get<T>();
  }
  /// The value; throws when it is of another type.
  template <class T>
  std::decay_t<T> get() const {
    const std::decay_t<T>* value = try_get<T>();
    TAPER_CHECK(value != nullptr, "Attempted to cast AnyValue to ", demangle(typeid(T)),
                ", but its actual type is ", demangle(type_info()));
    return *value;
  }
  /// The type of the value; void when there is none.
  const std::type_info& type_info() const { return content_ ? content_->type : typeid(void); }
  /// Adds pointers to the tensors in the value: to a Tensor, or to those among the elements of an
  /// optional, pair, tuple, array or vector, with null for an element that holds none. Returns
  /// false, and adds nothing, when the value is of another type.
  bool find_tensors(std::vector<Tensor*>& found) {
    return content_ != nullptr && content_->find_tensors(found);
  }

 private:
  struct Content {
    explicit Content(const std::type_info& t) : type(t) {}
    virtual ~Content() = default;
    virtual std::unique_ptr<Content> copy() const = 0;
    virtual bool find_tensors(std::vector<Tensor*>& found) = 0;
    const std::type_info& type;
  };
  template <class T>
  struct Holder final : Content {
    template <class U>
    explicit Holder(U&& v) : Content(typeid(T)), value(std::forward<U>(v)) {}
    std::unique_ptr<Content> copy() const override { return std::make_unique<Holder>(value); }
    bool find_tensors(std::vector<Tensor*>& found) override {
      return detail::find_tensors(value, found);
    }
    T value;
  };

  std::unique_ptr<Content> content_;
};

/// The arguments of a call, or what a hook gives for them.
using ValueList = std::vector<AnyValue>;

}  // namespace nn
}  // namespace taper
