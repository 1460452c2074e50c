#include "taper/train/summary.h"

#include <algorithm>
#include <array>

#include "taper/autograd/grad_mode.h"
#include "taper/base/error.h"
#include "taper/nn/attention.h"
#include "taper/nn/conv.h"
#include "taper/nn/linear.h"
#include "taper/nn/recurrent.h"
#include "taper/ops/creation.h"
#include "taper/train/number_text.h"

namespace taper::train {
namespace {

const Tensor* first_tensor(const nn::AnyValue& value) {
  std::vector<Tensor*> found;
  const_cast<nn::AnyValue&>(value).find_tensors(found);
  for (const Tensor* tensor : found) {
    if (tensor != nullptr && tensor->defined()) return tensor;
  }
  return nullptr;
}

int64_t last_size(const Tensor& tensor) {
  return tensor.dim() == 0 ? 1 : std::max<int64_t>(tensor.size(-1), 1);
}

template <class... Kinds>
bool is_one_of(const nn::Module& module) {
  return ((dynamic_cast<const Kinds*>(&module) != nullptr) || ...);
}

// The products of a layer whose weight [out, ...] meets each output value once.
int64_t weighted(const nn::Module& module, int64_t values, int64_t outputs) {
  const auto own = module.named_parameters(false);
  if (!own.contains("weight")) return 0;
  const Tensor& weight = own["weight"];
  const int64_t rows = std::max<int64_t>(weight.size(0), 1);
  return 2 * values * (weight.numel() / rows) + (own.contains("bias") ? outputs : 0);
}

int64_t recurrent(const std::vector<Tensor>& weights, int64_t steps) {
  int64_t flops = 0;
  for (const Tensor& weight : weights) {
    if (weight.defined()) flops += steps * (weight.dim() == 2 ? 2 : 1) * weight.numel();
  }
  return flops;
}

int64_t attention(const nn::ValueList& arguments, int64_t width) {
  if (arguments.size() < 3) return 0;
  const Tensor* query = first_tensor(arguments[0]);
  const Tensor* key = first_tensor(arguments[1]);
  const Tensor* value = first_tensor(arguments[2]);
  if (query == nullptr || key == nullptr || value == nullptr || query->dim() < 2) return 0;
  const int64_t places = query->numel() / last_size(*query);
  const int64_t projections = 2 * width * (2 * query->numel() + key->numel() + value->numel());
  // Keys for one sequence: all keys over the number of sequences.
  const int64_t sequences = query->dim() == 3 ? query->size(1) : 1;
  const int64_t keys = key->numel() / last_size(*key) / std::max<int64_t>(sequences, 1);
  return projections + 4 * places * keys * width;
}

int64_t flops_of(const nn::Module& module, const nn::ValueList& arguments, const Tensor& output) {
  const Tensor* input = arguments.empty() ? nullptr : first_tensor(arguments[0]);
  const int64_t outputs = output.numel();
  if (is_one_of<nn::LinearImpl, nn::BilinearImpl, nn::Conv1dImpl, nn::Conv2dImpl, nn::Conv3dImpl>(
          module)) {
    return weighted(module, outputs, outputs);
  }
  if (is_one_of<nn::ConvTranspose1dImpl, nn::ConvTranspose2dImpl, nn::ConvTranspose3dImpl>(
          module)) {
    return input == nullptr ? 0 : weighted(module, input->numel(), outputs);
  }
  if (const auto* layer = dynamic_cast<const nn::RNNImplBase*>(&module)) {
    return recurrent(layer->all_weights(), outputs / last_size(output));
  }
  if (const auto* cell = dynamic_cast<const nn::RNNCellImplBase*>(&module)) {
    return recurrent(cell->parameters(false), outputs / last_size(output));
  }
  if (const auto* layer = dynamic_cast<const nn::MultiheadAttentionImpl*>(&module)) {
    return attention(arguments, layer->options.embed_dim());
  }
  return 0;
}

/// The hooks of one summary, and the modes that the modules were in.
class Watch {
 public:
  Watch(nn::Module& root, const std::vector<std::shared_ptr<nn::Module>>& modules,
        ModelSummary& result)
      : root_(root), modules_(modules) {
    for (size_t i = 0; i < modules_.size(); ++i) {
      modes_.push_back(modules_[i]->is_training());
      const bool is_leaf = modules_[i]->children().empty();
      handles_.push_back(modules_[i]->register_forward_hook(
          [i, is_leaf, &result](nn::Module& module, const nn::ValueList& arguments,
                                const nn::AnyValue& output) {
            LayerSummary& layer = result.layers[i];
            ++layer.calls;
            const Tensor* tensor = first_tensor(output);
            if (tensor == nullptr) return;
            layer.output = tensor->sizes().vec();
            layer.flops += flops_of(module, arguments, *tensor);
            if (is_leaf) result.output_bytes += static_cast<int64_t>(tensor->nbytes());
          }));
    }
    root_.eval();
  }
  ~Watch() {
    for (nn::RemovableHandle& handle : handles_) handle.remove();
    // Parents stand before their children, whose modes train() sets as well.
    for (size_t i = 0; i < modules_.size(); ++i) modules_[i]->train(modes_[i]);
  }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

 private:
  nn::Module& root_;
  const std::vector<std::shared_ptr<nn::Module>>& modules_;
  std::vector<nn::RemovableHandle> handles_;
  std::vector<bool> modes_;
};

void add_parameters(const nn::Module& module, int64_t& all, int64_t& trainable, int64_t& bytes) {
  for (const Tensor& parameter : module.parameters()) {
    all += parameter.numel();
    bytes += static_cast<int64_t>(parameter.nbytes());
    if (parameter.requires_grad()) trainable += parameter.numel();
  }
}

std::string type_of(const nn::Module& module) {
  std::string name = module.name();
  const size_t colon = name.rfind("::");
  if (colon != std::string::npos && name.find('<') == std::string::npos) name.erase(0, colon + 2);
  if (name.ends_with("Impl")) name.resize(name.size() - 4);
  return name;
}

LayerSummary layer_of(const std::string& name, const nn::Module& module) {
  LayerSummary layer;
  layer.name = name;
  layer.type = type_of(module);
  layer.depth = name.empty() ? 0 : 1 + std::count(name.begin(), name.end(), '.');
  int64_t bytes = 0;
  add_parameters(module, layer.parameters, layer.trainable, bytes);
  const auto own = module.named_parameters(false);
  if (own.contains("weight")) layer.weight = own["weight"].sizes().vec();
  return layer;
}

std::string megabytes(int64_t bytes) {
  const int64_t tenths = (bytes + 52'428) / 104'858;
  return str(tenths / 10, '.', tenths % 10, " MiB");
}

using Row = std::array<std::string, 5>;

// Texts to the left, numbers to the right, lines around the head and at the end.
std::string table(const std::vector<Row>& rows) {
  std::array<size_t, 5> widths{};
  for (const Row& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  size_t whole = 2 * (widths.size() - 1);
  for (const size_t width : widths) whole += width;
  const std::string line = std::string(whole, '-') + "\n";
  std::string out;
  for (const Row& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string room(widths[i] - row[i].size(), ' ');
      out += i < 3 ? row[i] + room : room + row[i];
      out += i + 1 < row.size() ? "  " : "\n";
    }
    if (&row == &rows.front()) out += line;
  }
  return out + line;
}

}  // namespace

ModelSummary summary(const nn::AnyModule& module, const Tensor& input) {
  ModelSummary result;
  nn::Module& root = *module.ptr();
  std::vector<std::shared_ptr<nn::Module>> modules;
  for (const auto& item : root.named_modules()) {
    modules.push_back(item.value());
    result.layers.push_back(layer_of(item.key(), *item.value()));
  }
  add_parameters(root, result.parameters, result.trainable, result.parameter_bytes);
  for (const Tensor& buffer : root.buffers()) {
    result.buffers += buffer.numel();
    result.parameter_bytes += static_cast<int64_t>(buffer.nbytes());
  }
  {
    const Watch watch(root, modules, result);
    const NoGradGuard no_grad;
    nn::AnyModule(module).any_forward(input);
  }
  for (const LayerSummary& layer : result.layers) result.flops += layer.flops;
  // A module's cost is its own and that of the modules in it, which follow it.
  std::vector<LayerSummary>& layers = result.layers;
  for (size_t i = layers.size(); i-- > 0;) {
    for (size_t j = i + 1; j < layers.size() && layers[j].depth > layers[i].depth; ++j) {
      if (layers[j].depth == layers[i].depth + 1) layers[i].flops += layers[j].flops;
    }
  }
  return result;
}

ModelSummary summary(const nn::AnyModule& module, IntArrayRef input_size, Dtype dtype) {
  return summary(module, zeros(input_size, dtype));
}

std::string ModelSummary::text(int64_t depth) const {
  std::vector<Row> rows = {{"Layer", "Output", "Weight", "Parameters", "FLOPs"}};
  for (const LayerSummary& layer : layers) {
    if (layer.depth > depth) continue;
    const std::string indent(static_cast<size_t>(2 * layer.depth), ' ');
    const std::string own = layer.name.substr(layer.name.rfind('.') + 1);
    rows.push_back({indent + (own.empty() ? layer.type : str(own, " (", layer.type, ')')),
                    layer.output.empty() ? "-" : str(IntArrayRef(layer.output)),
                    layer.weight.empty() ? "-" : str(IntArrayRef(layer.weight)),
                    layer.parameters == 0 ? "-" : grouped(layer.parameters),
                    layer.flops == 0 ? "-" : grouped(layer.flops)});
  }
  std::string out = table(rows);
  out += str("Parameters: ", grouped(parameters), " (", grouped(trainable), " trainable), ",
             grouped(buffers), " values in buffers, ", megabytes(parameter_bytes), '\n');
  out += str("Forward pass: ", grouped(flops), " floating-point operations, outputs of layers ",
             megabytes(output_bytes), '\n');
  return out;
}

}  // namespace taper::train
