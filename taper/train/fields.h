#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "taper/train/config.h"

namespace taper TAPER_API {
namespace train {

class Fields;
class RegistryBase;

/// A list that may be written as its only element.
template <class T>
struct OneOrMore : public std::vector<T> {
  using std::vector<T>::vector;
};

namespace detail {

struct FieldType;
struct FieldRules;
class FieldWalk;

/// Receives the elements of a list, a tuple or an optional one by one.
class ElementVisitor {
 public:
  virtual void element(size_t index, const FieldType& type, void* value) = 0;

 protected:
  ~ElementVisitor() = default;
};

/// What is known of a member's type: the bodies that read and write members see nothing else.
struct FieldType {
  enum class Kind : uint8_t { boolean, integer, number, text, config, optional, list, object };
  Kind kind;
  size_t count = 0;      // elements of a tuple; 0: any number
  bool is_bare = false;  // a bare element stands for a list of one
  /// Visits the elements that are there.
  void (*visit)(void* value, ElementVisitor& visitor) = nullptr;
  /// Makes so many elements anew, copies of `like` unless null, each visited before it is kept.
  void (*assign)(void* value, size_t count, const void* like, ElementVisitor& visitor) = nullptr;
  /// Visits a new element, or each of a tuple.
  void (*sample)(const void* like, ElementVisitor& visitor) = nullptr;
  void (*walk)(void* object, Fields& fields) = nullptr;
  void (*check)(void* object) = nullptr;
};

template <class T>
concept HasFields = requires(T& object, Fields& fields) {
  object.fields(fields);
};

/// Defined for the types that a config can hold.
template <class T>
struct FieldTypeOf;
template <>
struct FieldTypeOf<bool> {
  static constexpr FieldType value{FieldType::Kind::boolean};
};
template <>
struct FieldTypeOf<int64_t> {
  static constexpr FieldType value{FieldType::Kind::integer};
};
template <>
struct FieldTypeOf<double> {
  static constexpr FieldType value{FieldType::Kind::number};
};
template <>
struct FieldTypeOf<std::string> {
  static constexpr FieldType value{FieldType::Kind::text};
};
template <>
struct FieldTypeOf<Config> {
  static constexpr FieldType value{FieldType::Kind::config};
};

template <HasFields T>
struct FieldTypeOf<T> {
  static void walk(void* object, Fields& fields) { static_cast<T*>(object)->fields(fields); }
  static void check(void* object) {
    if constexpr (requires(T & t) { t.check(); }) static_cast<T*>(object)->check();
  }
  static constexpr FieldType value{
      FieldType::Kind::object, 0, false, nullptr, nullptr, nullptr, &walk, &check};
};

template <class T>
struct FieldTypeOf<std::optional<T>> {
  static void visit(void* value, ElementVisitor& visitor) {
    auto& optional = *static_cast<std::optional<T>*>(value);
    if (optional) visitor.element(0, FieldTypeOf<T>::value, &*optional);
  }
  static void assign(void* value, size_t count, const void*, ElementVisitor& visitor) {
    auto& optional = *static_cast<std::optional<T>*>(value);
    if (count == 0) return optional.reset();
    T element{};
    visitor.element(0, FieldTypeOf<T>::value, &element);
    optional = std::move(element);
  }
  static void sample(const void*, ElementVisitor& visitor) {
    T element{};
    visitor.element(0, FieldTypeOf<T>::value, &element);
  }
  static constexpr FieldType value{FieldType::Kind::optional, 0, false, &visit, &assign, &sample};
};

/// What FieldTypeOf has for lists.
template <class List, bool kIsBare>
struct ListTypeOf {
  using T = typename List::value_type;
  static void visit(void* value, ElementVisitor& visitor) {
    const List& list = *static_cast<const List*>(value);
    for (size_t i = 0; i < list.size(); ++i) {
      T element = list[i];  // a copy, for std::vector<bool> has no elements to point to
      visitor.element(i, FieldTypeOf<T>::value, &element);
    }
  }
  static void assign(void* value, size_t count, const void* like, ElementVisitor& visitor) {
    List list;
    for (size_t i = 0; i < count; ++i) {
      T element = made(like);
      visitor.element(i, FieldTypeOf<T>::value, &element);
      list.push_back(std::move(element));
    }
    *static_cast<List*>(value) = std::move(list);
  }
  static void sample(const void* like, ElementVisitor& visitor) {
    T element = made(like);
    visitor.element(0, FieldTypeOf<T>::value, &element);
  }
  static T made(const void* like) { return like ? *static_cast<const T*>(like) : T{}; }
  static constexpr FieldType value{FieldType::Kind::list, 0, kIsBare, &visit, &assign, &sample};
};
template <class T>
struct FieldTypeOf<std::vector<T>> : ListTypeOf<std::vector<T>, false> {};
template <class T>
struct FieldTypeOf<OneOrMore<T>> : ListTypeOf<OneOrMore<T>, true> {};

template <class... T>
struct FieldTypeOf<std::tuple<T...>> {
  static void visit(void* value, ElementVisitor& visitor) {
    size_t i = 0;
    std::apply([&](T&... element) { (visitor.element(i++, FieldTypeOf<T>::value, &element), ...); },
               *static_cast<std::tuple<T...>*>(value));
  }
  static void assign(void* value, size_t, const void*, ElementVisitor& visitor) {
    visit(value, visitor);
  }
  static void sample(const void*, ElementVisitor& visitor) {
    std::tuple<T...> elements{};
    visit(&elements, visitor);
  }
  static constexpr FieldType value{
      FieldType::Kind::list, sizeof...(T), false, &visit, &assign, &sample};
};

}  // namespace detail

/// One member as fields() describes it; the setters say what its values may be. Rules of a list
/// hold for its elements, but for size().
class Field {
 public:
  /// value >= least; value <= most; least <= value <= most; value > bound; value < bound.
  Field& min(double least);
  Field& max(double most);
  Field& range(double least, double most) { return min(least).max(most); }
  Field& above(double bound);
  Field& below(double bound);
  /// The texts that are allowed.
  Field& one_of(std::vector<std::string> choices);
  /// Number of elements of a list.
  Field& size(size_t count) { return size(count, count); }
  Field& size(size_t least, size_t most);
  /// The key must be there: the member's own value is no default.
  Field& required();
  /// Of a Config or a list of them: {type, args} of one of these things, or null unless required.
  Field& of(const RegistryBase& registry);

 private:
  friend class Fields;
  Field() = default;
  detail::FieldRules* rules_ = nullptr;
};

/// Walks the members of an args struct, which describes itself:
///   struct NetArgs {
///     int64_t classes = 10;
///     void fields(train::Fields& f) { f("classes", classes, "number of classes").min(1); }
///   };
/// Members may be bool, int64_t, double, std::string, Config, structs with fields(), and vectors,
/// tuples and optionals of these. A member has its new value from the next call of f on, after
/// f.flush(), or when fields() has returned. A member function check(), if any, is called then;
/// what it throws gets the key path put in front.
class Fields {
 public:
  template <class T>
  Field& operator()(const char* name, T& value, const char* help) {
    return add(name, detail::FieldTypeOf<T>::value, &value, nullptr, help);
  }
  /// Elements begin as copies of `like`, whose values are their defaults; it must outlive fields().
  template <class T>
  Field& operator()(const char* name, std::vector<T>& value, const T& like, const char* help) {
    return add(name, detail::FieldTypeOf<std::vector<T>>::value, &value, &like, help);
  }
  void flush();

 private:
  friend class detail::FieldWalk;
  explicit Fields(detail::FieldWalk& walk) : walk_(&walk) {}
  Field& add(const char* name, const detail::FieldType& type, void* value, const void* like,
             const char* help);

  detail::FieldWalk* walk_;
  Field field_;
};

namespace detail {
Config read_object(const Config& config, const FieldType& type, void* object);
Config schema_of_object(const FieldType& type, void* object);
std::string help_of_object(const FieldType& type, void* object);
}  // namespace detail

/// Sets the members from an object. Throws ConfigValueError on unknown keys, other kinds and values
/// that the rules refuse; then args is half read. Returns the object with every key: what was not
/// given has the source `default`.
template <class Args>
Config read_args(const Config& config, Args& args) {
  return detail::read_object(config, detail::FieldTypeOf<Args>::value, &args);
}

/// The JSON Schema (draft 2020-12) of a file that holds these members.
template <class Args>
Config schema_of() {
  Args args{};
  return detail::schema_of_object(detail::FieldTypeOf<Args>::value, &args);
}

/// A line for each key: name, what it may be, default, meaning.
template <class Args>
std::string help_of() {
  Args args{};
  return detail::help_of_object(detail::FieldTypeOf<Args>::value, &args);
}

}  // namespace train
}  // namespace taper
