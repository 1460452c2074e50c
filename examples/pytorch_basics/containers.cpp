// Containers: Sequential and ModuleList change like Python's lists, ModuleDict like its dicts, and
// the names of the children follow.
#include <iostream>

#include "taper/taper.h"

using namespace taper;

// A list for a loop of one's own: here each layer's result is kept.
struct PyramidImpl : nn::Module {
  explicit PyramidImpl(int64_t depth) {
    for (int64_t i = 0; i < depth; ++i) layers->append(nn::Linear(8 >> i, 4 >> i));
    register_module("layers", layers);
  }
  std::vector<Tensor> forward(Tensor x) {
    std::vector<Tensor> results;
    for (const auto& layer : *layers) {
      x = nn::call(*layer->as<nn::Linear>(), x);
      results.push_back(x);
    }
    return results;
  }
  nn::ModuleList layers;
};
TAPER_MODULE(Pyramid);

namespace {

template <class Container>
void print_children(const char* what, const Container& container) {
  std::cout << what << ':';
  for (const auto& item : container->named_children()) {
    std::cout << ' ' << item.key() << '=' << *item.value();
  }
  std::cout << '\n';
}

void show_sequential() {
  std::cout << "Sequential\n";
  nn::Sequential net{nn::ReLU(), nn::Tanh()};
  print_children("made", net);
  net->append(nn::Sigmoid());
  net->insert(1, nn::Identity());
  print_children("append, insert", net);
  net->erase(0);
  print_children("erase(0)", net);
  print_children("slice(-2)", net->slice(-2));
  print_children("net + another", net + nn::Sequential(nn::ReLU()));
  std::cout << "called: " << net(zeros({1})).item<double>() << '\n';
}

void show_list() {
  std::cout << "\nModuleList\n";
  Pyramid pyramid(3);
  std::cout << *pyramid << "\nresults:";
  for (const Tensor& result : pyramid(ones({2, 8}))) std::cout << ' ' << result.sizes();
  std::cout << "\nlayers[-1]: " << *(*pyramid->layers)[-1] << '\n';
  try {
    pyramid->layers->ptr(3);
  } catch (const Error& error) {
    std::cout << "error: " << error.what_without_backtrace() << '\n';
  }
}

void show_dict() {
  std::cout << "\nModuleDict\n";
  nn::ModuleDict choices({{"relu", nn::ReLU()}, {"tanh", nn::Tanh()}});
  choices->update({{"relu", nn::ELU()}, {"gelu", nn::GELU()}});
  print_children("update keeps the order", choices);
  choices->pop("tanh");
  std::cout << "contains tanh: " << std::boolalpha << choices->contains("tanh") << ", size "
            << choices->size() << '\n';
  try {
    (*choices)["tanh"];
  } catch (const Error& error) {
    std::cout << "error: " << error.what_without_backtrace() << '\n';
  }
}

void show_parameters() {
  std::cout << "\nParameterList\n";
  nn::ParameterList gains(ones({2}), nn::Parameter(zeros({3}), /*requires_grad=*/false));
  for (const auto& item : gains->named_parameters()) {
    std::cout << item.key() << ": " << item.value().sizes() << ", trained "
              << item.value().requires_grad() << '\n';
  }
}

}  // namespace

int main() {
  manual_seed(0);
  show_sequential();
  show_list();
  show_dict();
  show_parameters();
  return 0;
}
