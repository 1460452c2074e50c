#pragma once

#include <limits>
#include <string>
#include <vector>

#include "taper/train/fields.h"

// What the walks over an args struct share: reading, schema and help.
namespace taper::train::detail {

/// What fields() said of one member.
struct FieldRules {
  const char* name;
  const FieldType* type;
  void* value;
  const void* like;
  const char* help;
  double least = -std::numeric_limits<double>::infinity();
  double most = std::numeric_limits<double>::infinity();
  bool is_above = false, is_below = false;  // the bound itself is out
  std::vector<std::string> choices = {};
  size_t fewest = 0, largest = std::numeric_limits<size_t>::max();
  bool is_required = false;
  const RegistryBase* registry = nullptr;

  bool allows(double number) const;
};

/// Receives each member when all its rules are known.
class FieldWalk {
 public:
  /// Walks the members of an object.
  void run(const FieldType& type, void* object);

 protected:
  ~FieldWalk() = default;
  virtual void field(const FieldRules& rules) = 0;

 private:
  friend class taper::train::Fields;
  void flush();

  std::vector<FieldRules> pending_;  // none or one
};

/// An ElementVisitor that calls a function.
template <class F>
class EachElement final : public ElementVisitor {
 public:
  explicit EachElement(F f) : f_(std::move(f)) {}
  void element(size_t index, const FieldType& type, void* value) override {
    f_(index, type, value);
  }

 private:
  F f_;
};

/// The type of a list's or an optional's elements, or of a tuple's i-th.
std::vector<const FieldType*> element_types(const FieldType& type, const void* like);
/// The member's value as a config, every part with the source default.
Config write_value(const FieldType& type, void* value);
/// "a number >= 0".
std::string expected_value(const FieldRules& rules, const FieldType& type);
/// Schema and help of an object's members without what stands around them.
Config object_schema(const FieldType& type, void* object);
std::string object_help(const FieldType& type, void* object, int indent);

}  // namespace taper::train::detail
