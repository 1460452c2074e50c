#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>

#include "taper/tensor/ivalue.h"

namespace taper TAPER_API {

class ByteSource;

namespace io {

/// What a .pt file may make the reader build besides the bytes of its tensors: steps and objects of
/// its pickle (a tensor counts as 16), and bytes of the resulting tree.
struct TorchFileLimits {
  uint64_t max_objects = uint64_t{1} << 20;
  uint64_t max_tree_bytes = uint64_t{32} << 20;
};

/// Writes a value as Python's torch.save() does: torch.load(path, weights_only=True) reads it.
/// Tensors of one storage stay tensors of one storage, whole, as in Python. The file is replaced in
/// one step. Throws IoError, and Error on what cannot be written (see pickle rules in
/// docs/files.md).
void save_torch(const std::string& path, const IValue& value);
void save_torch(std::ostream& stream, const IValue& value);

/// Reads what torch.save() wrote (zip files, PyTorch 1.6 and later): dicts, lists, tuples, numbers,
/// texts, bytes, None, and tensors with their strides, sharing their storages, on the CPU. A pickle
/// that asks for anything else is refused by name, and nothing of it runs. Throws IoError; every
/// record is checked by its CRC-32.
IValue load_torch(const std::string& path, const TorchFileLimits& limits = {});
IValue load_torch(const ByteSource& source, const TorchFileLimits& limits = {});
/// The same from what is left of a stream, which is read to its end.
IValue load_torch(std::istream& stream, const TorchFileLimits& limits = {});

}  // namespace io
}  // namespace taper
