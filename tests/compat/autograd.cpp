// Custom functions, hooks, higher gradients and a dataset of one's own.
#include <torch/torch.h>

using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;
using torch::autograd::variable_list;

class LinearFunction : public torch::autograd::Function<LinearFunction> {
 public:
  static torch::Tensor forward(AutogradContext* ctx, torch::Tensor input, torch::Tensor weight,
                               torch::Tensor bias = torch::Tensor()) {
    ctx->save_for_backward({input, weight, bias});
    auto output = input.mm(weight.t());
    if (bias.defined()) output += bias.unsqueeze(0).expand_as(output);
    return output;
  }
  static tensor_list backward(AutogradContext* ctx, tensor_list grad_outputs) {
    auto saved = ctx->get_saved_variables();
    auto input = saved[0];
    auto weight = saved[1];
    auto bias = saved[2];
    auto grad_output = grad_outputs[0];
    auto grad_input = grad_output.mm(weight);
    auto grad_weight = grad_output.t().mm(input);
    auto grad_bias = torch::Tensor();
    if (bias.defined()) grad_bias = grad_output.sum(0);
    return {grad_input, grad_weight, grad_bias};
  }
};

class MulConstant : public torch::autograd::Function<MulConstant> {
 public:
  static torch::Tensor forward(AutogradContext* ctx, torch::Tensor tensor, double constant) {
    ctx->saved_data["constant"] = constant;
    return tensor * constant;
  }
  static tensor_list backward(AutogradContext* ctx, tensor_list grad_outputs) {
    return {grad_outputs[0] * ctx->saved_data["constant"].toDouble(), torch::Tensor()};
  }
};

class Squares : public torch::data::datasets::Dataset<Squares> {
 public:
  explicit Squares(int64_t n) : n_(n) {}
  torch::data::Example<> get(size_t index) override {
    auto x = torch::full({1}, static_cast<double>(index) / n_);
    return {x, x * x};
  }
  torch::optional<size_t> size() const override { return static_cast<size_t>(n_); }

 private:
  int64_t n_;
};

#define EXPECT(condition)                                                    \
  if (!(condition))                                                          \
  throw std::runtime_error(std::string(__FILE__ ": " #condition " does not " \
                                                "hold"))

int main() {
  auto x = torch::randn({2, 3}).requires_grad_();
  auto weight = torch::randn({4, 3}).requires_grad_();
  auto y = LinearFunction::apply(x, weight);
  y.sum().backward();
  EXPECT(x.grad().sizes() == x.sizes() && weight.grad().defined());
  auto z = MulConstant::apply(x, 5.5);
  auto grads = torch::autograd::grad({z.sum()}, {x});
  EXPECT(torch::allclose(grads[0], torch::full({2, 3}, 5.5)));
  auto input = torch::ones({3}, torch::requires_grad());
  auto output = (input * input * input).sum();
  auto first = torch::autograd::grad({output}, {input}, /*grad_outputs=*/{}, /*retain_graph=*/true,
                                     /*create_graph=*/true)[0];
  auto penalty = (first.norm(2) - 1).pow(2);
  penalty.backward();
  EXPECT(input.grad().defined());
  auto w = torch::ones({2}, torch::TensorOptions().requires_grad(true));
  auto handle = w.register_hook([](torch::Tensor grad) { return grad * 2; });
  (w * 3).sum().backward();
  EXPECT(w.grad()[0].item<float>() == 6);
  w.remove_hook(handle);
  w.mutable_grad().zero_();
  EXPECT(w.is_leaf() && !w.grad_fn() && (w * 2).grad_fn() != nullptr);
  std::cout << (w * 2).grad_fn()->name() << std::endl;

  torch::nn::Sequential net(torch::nn::Linear(1, 16), torch::nn::Functional(torch::relu),
                            torch::nn::Linear(16, 1));
  for (auto& module : net->modules(/*include_self=*/false)) {
    if (auto* linear = module->as<torch::nn::Linear>()) {
      torch::nn::init::xavier_uniform_(linear->weight);
      torch::nn::init::constant_(linear->bias, 0.01);
    }
  }
  auto loader = torch::data::make_data_loader<torch::data::samplers::RandomSampler>(
      Squares(64).map(torch::data::transforms::Stack<>()),
      torch::data::DataLoaderOptions().batch_size(16));
  torch::optim::AdamW optimizer(net->parameters(),
                                torch::optim::AdamWOptions(1e-2).weight_decay(1e-4));
  torch::optim::StepLR scheduler(optimizer, 20, 0.5);
  double last = 0;
  for (int epoch = 0; epoch < 30; ++epoch) {
    for (torch::data::Example<>& batch : *loader) {
      optimizer.zero_grad();
      auto loss = torch::mse_loss(net->forward(batch.data), batch.target);
      loss.backward();
      torch::nn::utils::clip_grad_norm_(net->parameters(), 1.0);
      optimizer.step();
      last = loss.item<double>();
    }
    scheduler.step();
  }
  for (auto& group : optimizer.param_groups()) {
    static_cast<torch::optim::AdamWOptions&>(group.options()).lr(1e-3);
  }
  EXPECT(last < 0.02);
}
