// Macros that other libraries leave behind (Catch2, glog, OpenCV, windows.h), before the header;
// the header's own macros, and names of the library that a program adds to or specialises.
#define CHECK(x) broken_by_a_macro(x)
#define REQUIRE(x) broken_by_a_macro(x)
#define INFO(x) broken_by_a_macro(x)
#define SECTION(x) broken_by_a_macro(x)
#define LOG(x) broken_by_a_macro(x)
#define VLOG(x) broken_by_a_macro(x)
#define CHECK_EQ(a, b) broken_by_a_macro(a, b)
#define DCHECK(x) broken_by_a_macro(x)
#define ERROR 0
#define WARNING 1
#define CV_PI 3.14

#include <torch/torch.h>

#define EXPECT(condition)                                                    \
  if (!(condition))                                                          \
  throw std::runtime_error(std::string(__FILE__ ": " #condition " does not " \
                                                "hold"))

struct Pair {
  torch::Tensor first, second;
};

namespace torch {
namespace data {
namespace transforms {
template <>
struct Stack<Pair> : public Collation<Pair> {
  Pair apply_batch(std::vector<Pair> pairs) override {
    std::vector<Tensor> firsts, seconds;
    for (auto& pair : pairs) {
      firsts.push_back(pair.first);
      seconds.push_back(pair.second);
    }
    return {torch::stack(firsts), torch::stack(seconds)};
  }
};
}  // namespace transforms
}  // namespace data
namespace nn {
struct ScaleImpl : Cloneable<ScaleImpl> {
  explicit ScaleImpl(double factor) : factor_(factor) { reset(); }
  void reset() override { weight = register_parameter("weight", torch::full({1}, factor_)); }
  void pretty_print(std::ostream& stream) const override {
    stream << "torch::nn::Scale(" << factor_ << ")";
  }
  Tensor forward(const Tensor& x) { return x * weight; }
  Tensor weight;
  double factor_;
};
TORCH_MODULE(Scale);
}  // namespace nn
}  // namespace torch

struct PairsDataset : torch::data::datasets::Dataset<PairsDataset, Pair> {
  Pair get(size_t index) override {
    const auto x = torch::full({2}, static_cast<double>(index));
    return {x, x * 2};
  }
  c10::optional<size_t> size() const override { return 6; }
};

struct WindowOptions {
  WindowOptions(int64_t width) : width_(width) {}
  TORCH_ARG(int64_t, width);
  TORCH_ARG(double, overlap) = 0.5;
};

struct WithDefaultsImpl : torch::nn::Module {
  torch::Tensor forward(torch::Tensor x, int64_t times = 2, double shift = 1) {
    return x * times + shift;
  }

 protected:
  FORWARD_HAS_DEFAULT_ARGS({1, torch::nn::AnyValue(int64_t(2))}, {2, torch::nn::AnyValue(1.0)})
};
TORCH_MODULE(WithDefaults);

struct Printed {
  friend std::ostream& operator<<(std::ostream& stream, const Printed&) {
    return stream << "printed";
  }
};

template <class Kind, class F>
std::string message_of(F&& f) {
  try {
    f();
  } catch (const Kind& error) {
    return error.what();
  }
  return "nothing was thrown";
}

double sum_of(const at::Tensor& x) {
  double sum = 0;
  AT_DISPATCH_ALL_TYPES_AND(at::kHalf, x.scalar_type(), "sum_of", [&] {
    const scalar_t* data = x.data_ptr<scalar_t>();
    for (const auto i : c10::irange(x.numel())) sum += static_cast<double>(data[i]);
  });
  return sum;
}

int main() {
  auto loader =
      torch::data::make_data_loader(PairsDataset().map(torch::data::transforms::Stack<Pair>()), 3);
  for (auto& batch : *loader) EXPECT(batch.first.sizes() == torch::IntArrayRef({3, 2}));

  torch::nn::Sequential net(torch::nn::Scale(2.0), WithDefaults());
  EXPECT(net->forward(torch::ones({1})).item<float>() == 5);
  torch::nn::AnyModule any{WithDefaults()};
  EXPECT(any.forward(torch::ones({1}), int64_t(4)).item<float>() == 5);
  EXPECT(std::dynamic_pointer_cast<torch::nn::ScaleImpl>(torch::nn::Scale(3.0)->clone())
             ->weight.item<float>() == 3);
  EXPECT(WindowOptions(3).overlap(0.25).width(4).width() == 4);

  EXPECT(sum_of(torch::arange(4)) == 6 && sum_of(torch::ones({3}, torch::kHalf)) == 3);
  EXPECT(message_of<c10::Error>([] {
           sum_of(torch::ones({2}, torch::kBool));
         }).find("\"sum_of\" not implemented for 'Bool'") != std::string::npos);
  const int64_t n = 3;
  EXPECT(message_of<c10::Error>([&] { TORCH_CHECK(n == 4); }) ==
         "Expected n == 4 to be true, but got false.");
  EXPECT(message_of<c10::Error>([&] { TORCH_CHECK(n == 4, "n is ", n, ", ", Printed(), '.'); }) ==
         "n is 3, printed.");
  EXPECT(message_of<c10::IndexError>([&] { TORCH_CHECK_INDEX(n < 3, "index ", n); }) == "index 3");
  EXPECT(message_of<c10::Error>([&] { AT_ERROR("always"); }) == "always");
  TORCH_INTERNAL_ASSERT(n == 3);
  TORCH_INTERNAL_ASSERT_DEBUG_ONLY(n == 3, "n is ", n);
  AT_ASSERT(n == 3);

  TORCH_WARN("a warning of ", n);
}
