#include "taper/io/unpickle.h"

namespace taper::io {
namespace {

struct Allowed {
  std::string_view module, name;
  PickleGlobal global;
};
// The whole of what a pickle may name, besides the storages and types below.
constexpr Allowed kAllowed[] = {
    {"collections", "OrderedDict", PickleGlobal::ordered_dict},
    {"collections", "Counter", PickleGlobal::counter},
    {"torch._utils", "_rebuild_tensor_v2", PickleGlobal::rebuild_tensor},
    {"torch._utils", "_rebuild_tensor_v3", PickleGlobal::rebuild_tensor_v3},
    {"torch._utils", "_rebuild_parameter", PickleGlobal::rebuild_parameter},
    {"torch", "Size", PickleGlobal::size},
    {"torch", "device", PickleGlobal::device},
    {"_codecs", "encode", PickleGlobal::encode},
    {"__builtin__", "bytes", PickleGlobal::empty_bytes},
    {"builtins", "bytes", PickleGlobal::empty_bytes},
    {"torch", "UntypedStorage", PickleGlobal::untyped_storage},
    {"torch.storage", "UntypedStorage", PickleGlobal::untyped_storage},
};

// Python's names of a type: torch.<name>, and torch.<storage>Storage.
struct TypeName {
  std::string_view name;
  ScalarType dtype;
};
constexpr TypeName kTypes[] = {{"uint8", kByte},
                               {"int8", kChar},
                               {"int16", kShort},
                               {"int32", kInt},
                               {"int64", kLong},
                               {"float16", kHalf},
                               {"float32", kFloat},
                               {"float64", kDouble},
                               {"bool", kBool},
                               {"bfloat16", kBFloat16},
                               {"complex64", kComplexFloat},
                               {"complex128", kComplexDouble}};

}  // namespace

std::string_view dtype_name(ScalarType dtype) {
  for (const TypeName& type : kTypes) {
    if (type.dtype == dtype) return type.name;
  }
  return "undefined";
}

PickleName find_pickle_name(std::string_view module, std::string_view name) {
  for (const Allowed& allowed : kAllowed) {
    if (allowed.module == module && allowed.name == name) return {allowed.global};
  }
  constexpr std::string_view kStorage = "Storage";
  const bool in_torch = module == "torch";
  if (!in_torch && module != "torch.storage") return {};
  for (const TypeName& type : kTypes) {
    if (in_torch && name == type.name) return {PickleGlobal::dtype, type.dtype};
    if (name.ends_with(kStorage) &&
        name.substr(0, name.size() - kStorage.size()) == toString(type.dtype)) {
      return {PickleGlobal::storage, type.dtype};
    }
  }
  return {};
}

}  // namespace taper::io
