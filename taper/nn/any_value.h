#pragma once

#include <memory>
#include <type_traits>
#include <typeinfo>
#include <utility>

#include "taper/base/demangle.h"
#include "taper/base/error.h"

namespace taper TAPER_API {
namespace nn {

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

  /// The value when it is of type T (references and const do not count), else null.
  template <class T>
  std::decay_t<T>* try_get() {
    if (!content_ || content_->type != typeid(std::decay_t<T>)) return nullptr;
    return &static_cast<Holder<std::decay_t<T>>*>(content_.get())->value;
  }
  /// The value; throws when it is of another type.
  template <class T>
  std::decay_t<T> get() {
    std::decay_t<T>* value = try_get<T>();
    TAPER_CHECK(value != nullptr, "Attempted to cast AnyValue to ", demangle(typeid(T)),
                ", but its actual type is ", demangle(type_info()));
    return *value;
  }
  /// The type of the value; void when there is none.
  const std::type_info& type_info() const { return content_ ? content_->type : typeid(void); }

 private:
  struct Content {
    explicit Content(const std::type_info& t) : type(t) {}
    virtual ~Content() = default;
    virtual std::unique_ptr<Content> copy() const = 0;
    const std::type_info& type;
  };
  template <class T>
  struct Holder final : Content {
    template <class U>
    explicit Holder(U&& v) : Content(typeid(T)), value(std::forward<U>(v)) {}
    std::unique_ptr<Content> copy() const override { return std::make_unique<Holder>(value); }
    T value;
  };

  std::unique_ptr<Content> content_;
};

}  // namespace nn
}  // namespace taper
