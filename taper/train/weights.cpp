#include "taper/train/weights.h"

#include "taper/base/error.h"
#include "taper/base/file.h"

namespace taper::train {

void save_weights(const std::string& path, const nn::Module& module, const io::Metadata& metadata) {
  io::save_safetensors(path, module.state_dict(), metadata);
}

void load_weights(const std::string& path, nn::Module& module) {
  const nn::StateDict tensors(io::load_safetensors(path).tensors);
  try {
    module.load_state_dict(tensors);
  } catch (const Error& error) {
    detail::fail<IoError>(quote_path(path), ": ", error.what());
  }
}

}  // namespace taper::train
