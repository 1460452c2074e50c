#include "taper/train/weights.h"

#include <map>
#include <vector>

#include "taper/autograd/grad_mode.h"
#include "taper/base/error.h"
#include "taper/base/file.h"
#include "taper/ops/copy.h"

namespace taper::train {
namespace {

io::NamedTensors tensors_of(const nn::Module& module) {
  io::NamedTensors tensors;
  for (const auto& item : module.named_parameters()) tensors.emplace_back(item.key(), item.value());
  for (const auto& item : module.named_buffers()) tensors.emplace_back(item.key(), item.value());
  return tensors;
}

void append_list(std::string& text, const char* what, const std::vector<std::string>& names) {
  if (names.empty()) return;
  text += str("\n\t", what, ": ");
  for (size_t i = 0; i < names.size(); ++i) text += str(i == 0 ? "" : ", ", names[i]);
  text += '.';
}

}  // namespace

void save_weights(const std::string& path, const nn::Module& module, const io::Metadata& metadata) {
  io::save_safetensors(path, tensors_of(module), metadata);
}

void load_weights(const std::string& path, nn::Module& module) {
  const io::SafetensorsFile file = io::load_safetensors(path);
  std::map<std::string, Tensor> stored(file.tensors.begin(), file.tensors.end());
  const io::NamedTensors wanted = tensors_of(module);
  std::vector<std::string> missing, unexpected, other_size;
  std::vector<Tensor> sources;
  for (const auto& [name, tensor] : wanted) {
    const auto found = stored.find(name);
    if (found == stored.end()) {
      missing.push_back(quote_name(name));
      continue;
    }
    if (found->second.sizes() != tensor.sizes()) {
      other_size.push_back(str("size mismatch for ", quote_name(name),
                               ": copying a param with shape ", found->second.sizes(),
                               " from checkpoint, the shape in current model is ", tensor.sizes()));
    }
    sources.push_back(found->second);
    stored.erase(found);
  }
  for (const auto& item : stored) unexpected.push_back(quote_name(item.first));
  std::string problems;
  append_list(problems, "Missing key(s) in state_dict", missing);
  append_list(problems, "Unexpected key(s) in state_dict", unexpected);
  for (const std::string& text : other_size) problems += "\n\t" + text + ".";
  if (!problems.empty()) {
    detail::fail<IoError>("Error(s) in loading state_dict for ", module.name(), " from ",
                          quote_path(path), ":", problems);
  }
  NoGradGuard no_grad;
  for (size_t i = 0; i < wanted.size(); ++i) wanted[i].second.copy_(sources[i]);
}

}  // namespace taper::train
