#include "tests/oracle/boxed.h"

#include <unordered_map>

#include "taper/io/unpickle.h"

namespace taper::oracle {
namespace {

[[noreturn]] void bad(const char* expected, const IValue& value) {
  throw BadCase{std::string("expected ") + expected + ", got " + value.type_name()};
}

Scalar to_scalar(const IValue& value) {
  if (value.isBool()) return value.toBool();
  if (value.isInt()) return value.toInt();
  if (value.isDouble()) return value.toDouble();
  if (value.isTensor() && value.toTensor().is_complex() && value.toTensor().dim() == 0) {
    return value.toTensor().item();  // a complex number
  }
  bad("a number", value);
}

}  // namespace

Arguments::Arguments(std::vector<IValue> values) : values_(std::move(values)) {}

const IValue& Arguments::at(size_t i) const {
  if (i >= values_.size()) throw BadCase{"too few arguments"};
  return values_[i];
}

Tensor& Arguments::tensor(size_t i) {
  if (none(i)) return tensors_.emplace_back();
  if (!at(i).isTensor()) bad("a tensor", at(i));
  return tensors_.emplace_back(at(i).toTensor());
}

TensorList Arguments::tensors(size_t i) {
  if (!at(i).isList()) bad("a list of tensors", at(i));
  std::vector<Tensor>& list = lists_.emplace_back();
  for (const IValue& value : at(i).toListRef()) {
    if (!value.isTensor() && !value.isNone()) bad("a tensor", value);
    list.push_back(value.isNone() ? Tensor() : value.toTensor());
  }
  return list;
}

std::optional<Tensor> Arguments::optional_tensor(size_t i) {
  if (none(i)) return std::nullopt;
  return tensor(i);
}

Scalar Arguments::scalar(size_t i) { return to_scalar(at(i)); }

std::optional<Scalar> Arguments::optional_scalar(size_t i) {
  if (none(i)) return std::nullopt;
  return scalar(i);
}

ArrayRef<Scalar> Arguments::scalars(size_t i) {
  if (!at(i).isList()) bad("a list of numbers", at(i));
  std::vector<Scalar>& list = scalars_.emplace_back();
  for (const IValue& value : at(i).toListRef()) list.push_back(to_scalar(value));
  return list;
}

int64_t Arguments::integer(size_t i) {
  if (!at(i).isInt()) bad("an integer", at(i));
  return at(i).toInt();
}

std::optional<int64_t> Arguments::optional_integer(size_t i) {
  if (none(i)) return std::nullopt;
  return integer(i);
}

IntArrayRef Arguments::integers(size_t i) {
  std::vector<int64_t>& list = integers_.emplace_back();
  if (at(i).isInt()) {
    list.push_back(at(i).toInt());
    return list;
  }
  if (!at(i).isList()) bad("a list of integers", at(i));
  for (const IValue& value : at(i).toListRef()) {
    if (!value.isInt()) bad("an integer", value);
    list.push_back(value.toInt());
  }
  return list;
}

OptionalIntArrayRef Arguments::optional_integers(size_t i) {
  if (none(i)) return std::nullopt;
  return integers(i);
}

double Arguments::real(size_t i) {
  if (!at(i).isDouble() && !at(i).isInt()) bad("a number", at(i));
  return at(i).toDouble();
}

std::optional<double> Arguments::optional_real(size_t i) {
  if (none(i)) return std::nullopt;
  return real(i);
}

std::optional<ArrayRef<double>> Arguments::optional_reals(size_t i) {
  if (none(i)) return std::nullopt;
  if (!at(i).isList()) bad("a list of numbers", at(i));
  std::vector<double>& list = reals_.emplace_back();
  for (const IValue& value : at(i).toListRef()) {
    if (!value.isDouble() && !value.isInt()) bad("a number", value);
    list.push_back(value.toDouble());
  }
  return ArrayRef<double>(list);
}

bool Arguments::truth(size_t i) {
  if (!at(i).isBool()) bad("a truth value", at(i));
  return at(i).toBool();
}

std::optional<bool> Arguments::optional_truth(size_t i) {
  if (none(i)) return std::nullopt;
  return truth(i);
}

Correction Arguments::correction(size_t i) {
  if (none(i)) return {};
  return at(i).isBool() ? Correction(at(i).toBool()) : Correction(scalar(i));
}

std::string_view Arguments::text(size_t i) {
  if (!at(i).isString()) bad("a text", at(i));
  return at(i).toStringRef();
}

std::optional<std::string_view> Arguments::optional_text(size_t i) {
  if (none(i)) return std::nullopt;
  return text(i);
}

ScalarType Arguments::type(size_t i) { return type_named(text(i)); }

std::optional<ScalarType> Arguments::optional_type(size_t i) {
  if (none(i)) return std::nullopt;
  return type(i);
}

TensorOptions Arguments::options(size_t i) {
  TensorOptions options;
  if (none(i)) return options;
  if (!at(i).isGenericDict()) bad("options", at(i));
  const IValue* type = at(i).find("dtype");
  return type ? options.dtype(type_named(type->toStringRef())) : options;
}

MemoryFormat Arguments::format(size_t i) {
  const std::string_view name = text(i);
  if (name == "contiguous_format") return MemoryFormat::Contiguous;
  if (name == "preserve_format") return MemoryFormat::Preserve;
  if (name == "channels_last") return MemoryFormat::ChannelsLast;
  if (name == "channels_last_3d") return MemoryFormat::ChannelsLast3d;
  throw BadCase{"no memory format " + std::string(name)};
}

std::optional<MemoryFormat> Arguments::optional_format(size_t i) {
  if (none(i)) return std::nullopt;
  return format(i);
}

std::optional<Generator> Arguments::generator(size_t i) {
  if (!none(i)) bad("no generator", at(i));
  return std::nullopt;
}

const Entry* find_entry(std::string_view signature) {
  static const auto by_signature = [] {
    std::unordered_map<std::string_view, const Entry*> map;
    for (size_t i = 0; i < kTableSize; ++i) map.emplace(kTable[i].signature, &kTable[i]);
    return map;
  }();
  const auto found = by_signature.find(signature);
  return found == by_signature.end() ? nullptr : found->second;
}

ScalarType type_named(std::string_view name) {
  const io::PickleName found = io::find_pickle_name("torch", name);
  if (found.global != io::PickleGlobal::dtype) throw BadCase{"no type " + std::string(name)};
  return found.dtype;
}

}  // namespace taper::oracle
