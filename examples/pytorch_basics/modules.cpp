// Modules: containers, what they register and under which names, hooks in order, apply.
#include <iostream>

#include "taper/taper.h"

using namespace taper;

namespace {

// A block with everything that a module can hold.
struct BlockImpl : nn::Module {
  BlockImpl() {
    // A ModuleList numbers its modules; a ModuleDict names them. Neither has a forward().
    layers = register_module("layers", nn::ModuleList(nn::Linear(2, 2), nn::Linear(2, 2)));
    heads = register_module(
        "heads", nn::ModuleDict({{"mean", nn::Linear(2, 1)}, {"spread", nn::Linear(2, 1)}}));
    // A Parameter is trained; a Buffer is kept in the state, but not trained; a plain tensor is
    // the class's own affair: no list has it, no file keeps it, to() does not move it.
    scale = register_parameter("scale", nn::Parameter(ones({2})));
    calls = register_buffer("calls", nn::Buffer(zeros({}, kLong)));
    scratch = register_buffer("scratch", nn::Buffer(zeros({2}), /*persistent=*/false));
    constant = full({2}, 0.5);
  }
  Tensor forward(Tensor x, const std::string& head) {
    calls += 1;
    // nn::call, as a holder's call operator, runs a module's hooks; a plain forward() does not.
    for (const auto& layer : *layers) x = relu(nn::call(*layer->as<nn::Linear>(), x));
    return nn::call(heads->at<nn::LinearImpl>(head), x * scale + constant);
  }
  nn::ModuleList layers = nullptr;
  nn::ModuleDict heads = nullptr;
  Tensor scale, calls, scratch, constant;
};
TAPER_MODULE(Block);

template <class Dict>
void print_names(const char* what, const Dict& dict) {
  std::cout << what << ':';
  for (const auto& item : dict) std::cout << " '" << item.key() << "'";
  std::cout << '\n';
}

void show_names() {
  Block block;
  std::cout << "Names\n";
  print_names("named_children", block->named_children());
  print_names("named_modules", block->named_modules());
  print_names("named_parameters", block->named_parameters());
  print_names("its own, after a prefix", block->named_parameters("block", /*recurse=*/false));
  print_names("named_buffers", block->named_buffers());
  print_names("state_dict", block->state_dict());

  block(ones({1, 2}), "mean");
  std::cout << "get_buffer(\"calls\"): " << block->get_buffer("calls").item<int64_t>() << '\n'
            << "get_parameter(\"heads.mean.weight\"): "
            << block->get_parameter("heads.mean.weight").sizes() << '\n'
            << "get_submodule(\"layers.1\"): " << *block->get_submodule("layers.1") << '\n';
  try {
    block->get_parameter("calls");
  } catch (const Error& error) {
    std::cout << "error: " << error.what() << '\n';
  }
}

void show_sequential() {
  std::cout << "\nSequential\n";
  nn::Sequential net{{"first", nn::Linear(2, 3)}, {"act", nn::ReLU()}};
  net->push_back(nn::Sequential(nn::Linear(3, 1)));
  std::cout << net << '\n';
  const nn::Linear shared(1, 1);
  const nn::Sequential twice(shared, shared);
  std::cout << "a module that stands twice: " << twice->state_dict().size()
            << " entries in the state dict, " << twice->parameters().size() << " parameters\n";

  std::cout << "apply visits:";
  net->apply([](const std::string& name, nn::Module&) { std::cout << " '" << name << "'"; });
  std::cout << "\nbefore its children:";
  net->apply([](const std::string& name, nn::Module&) { std::cout << " '" << name << "'"; }, "",
             nn::ApplyOrder::PreOrder);
  // The usual use: initialise every layer of a kind.
  net->apply([](nn::Module& module) {
    if (auto* linear = module.as<nn::Linear>()) nn::init::ones_(linear->weight);
  });
  std::cout << "\nweights after apply: " << net->get_parameter("first.weight").sum().item<double>()
            << '\n';
}

void show_hooks() {
  std::cout << "\nHooks\n";
  nn::Linear a(1, 1), b(1, 1);
  nn::Sequential net(a, b);
  const auto watch = [](nn::Module& module, const std::string& name) {
    module.register_forward_pre_hook(
        [name](nn::Module&, const nn::ValueList&) { std::cout << "  before " << name << '\n'; });
    module.register_forward_hook([name](nn::Module&, const nn::ValueList&, const nn::AnyValue&) {
      std::cout << "  after " << name << '\n';
    });
    module.register_full_backward_hook(
        [name](nn::Module&, const std::vector<Tensor>&, const std::vector<Tensor>&) {
          std::cout << "  gradients of " << name << '\n';
        });
  };
  watch(*net, "net");
  watch(*a, "a");
  watch(*b, "b");
  const Tensor x = ones({1, 1}).requires_grad_();
  net(x).backward();

  // What a hook returns takes the place of what it saw.
  nn::RemovableHandle handle =
      a->register_forward_hook([](nn::Module&, const nn::ValueList&, const nn::AnyValue& output) {
        return output.get<Tensor>() * 0;
      });
  std::cout << "hooks of a:";
  for (const nn::HookInfo& hook : a->hooks()) std::cout << ' ' << to_string(hook.kind);
  std::cout << "\nwithout the call operator no hook runs:\n";
  const double plain = a->forward(x).item<double>();
  std::cout << "with it:\n";
  const double hooked = a(x).item<double>();
  handle.remove();
  std::cout << "replaced by zero: " << std::boolalpha << (hooked == 0 && plain != 0) << '\n';
}

}  // namespace

int main() {
  manual_seed(1);
  show_names();
  show_sequential();
  show_hooks();
  return 0;
}
