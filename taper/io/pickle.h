#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "taper/core/storage.h"
#include "taper/io/bytes.h"
#include "taper/io/torch_file.h"
#include "taper/tensor/ivalue.h"

// The pickle inside a .pt file: protocol 2 as torch.save() writes it, and a reader that can build
// values and tensors and nothing else.
namespace taper::io {

/// How deep containers may stand in each other.
inline constexpr int kMaxPickleDepth = 200;

/// Memory that tensors of a pickle share; its position in a list is its key in the file.
struct PickledStorage {
  StoragePtr storage;
  ScalarType dtype;
};
/// The pickle's text; appends the storages it refers to. Throws on tensors that are not on the CPU,
/// on texts that are not UTF-8, on storages seen as two types and on too deep nesting.
std::string pickle(const IValue& value, std::vector<PickledStorage>& storages);

/// Gives the storage of a key, which holds so many elements (bytes when dtype is Undefined).
using StorageLoader = Function<StoragePtr(std::string_view key, ScalarType dtype, uint64_t count)>;
/// Rebuilds a value. where begins the messages of IoErrors.
IValue unpickle(std::string_view text, const StorageLoader& load, const std::string& where,
                const TorchFileLimits& limits);

}  // namespace taper::io
