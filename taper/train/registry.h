#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "taper/base/function.h"
#include "taper/train/config.h"
#include "taper/train/fields.h"

namespace taper TAPER_API {
namespace train {

/// For things that take no arguments.
struct NoArgs {
  void fields(Fields&) {}
};

/// The part of Registry that does not depend on what is made.
class RegistryBase {
 public:
  /// What is made, in messages: "optimizer".
  const std::string& kind() const { return kind_; }
  /// In the order of add().
  std::vector<std::string> names() const;
  bool contains(std::string_view name) const;
  /// The config as {type, args} with every key of args. Throws ConfigValueError as make() does.
  Config resolve(const Config& config) const;
  /// The JSON Schema of such a config.
  Config schema() const;
  /// Each name with its meaning and its args, as help_of() has them.
  std::string help() const;

 protected:
  /// Calls the visitor with default-made args.
  using WithArgs = void (*)(detail::ElementVisitor& visitor);
  explicit RegistryBase(std::string kind) : kind_(std::move(kind)) {}
  /// Throws ConfigError on a name that is empty or comes twice.
  void add_entry(std::string name, std::string help, WithArgs with_args);
  /// The entry that config names.
  size_t select(const Config& config) const;
  static void read(const Config& config, const detail::FieldType& type, void* args);
  /// Throws the error that is being handled, with where the config stands in front.
  [[noreturn]] static void rethrow(const Config& config);

 private:
  struct Entry {
    std::string name, help;
    WithArgs with_args;
  };
  std::string kind_;
  std::vector<Entry> entries_;
};

/// Makes things of one kind by name from {"type": name, "args": {...}}, or from the bare name. Only
/// what was added can be named, and nothing is added but by a call: neither a config file nor the
/// linker decides what runs.
template <class Product, class... Context>
class Registry : public RegistryBase {
 public:
  explicit Registry(std::string kind) : RegistryBase(std::move(kind)) {}

  /// make(const Args&, Context...) -> Product; without Args, make(Context...) does. Throws
  /// ConfigError when the name is taken.
  template <class Args = NoArgs, class Make>
  Registry& add(std::string name, std::string help, Make make) {
    add_entry(std::move(name), std::move(help), [](detail::ElementVisitor& visitor) {
      Args args{};
      visitor.element(0, detail::FieldTypeOf<Args>::value, &args);
    });
    makers_.push_back([make = std::move(make)](const Config& config, Context... context) {
      Args args{};
      read(config, detail::FieldTypeOf<Args>::value, &args);
      if constexpr (std::is_invocable_v<const Make&, const Args&, Context...>) {
        return Product(make(args, std::forward<Context>(context)...));
      } else {
        return Product(make(std::forward<Context>(context)...));
      }
    });
    return *this;
  }

  /// Throws ConfigValueError on an unknown type (with the nearest name), on wrong args, and in
  /// place of an Error that the thing's own make() throws.
  Product make(const Config& config, Context... context) const {
    const size_t entry = select(config);
    try {
      return makers_[entry](config, std::forward<Context>(context)...);
    } catch (const Error&) {
      rethrow(config);
    }
  }

 private:
  std::vector<Function<Product(const Config&, Context...)>> makers_;
};

}  // namespace train
}  // namespace taper
