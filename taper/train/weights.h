#pragma once

#include <string>

#include "taper/base/macros.h"
#include "taper/io/safetensors.h"
#include "taper/nn/module.h"

namespace taper TAPER_API {
namespace train {

/// Writes what state_dict() holds, parameters and persistent buffers by their full names, as a
/// safetensors file that Python reads too. The old file stays as it is when something fails. Throws
/// IoError.
void save_weights(const std::string& path, const nn::Module& module,
                  const io::Metadata& metadata = {});

/// Copies a file's tensors into the module's parameters and persistent buffers. Names and sizes are
/// compared first: on a missing or unexpected name or another size nothing is changed, and the
/// IoError names all of them. Types are converted. Throws IoError.
void load_weights(const std::string& path, nn::Module& module);

}  // namespace train
}  // namespace taper
