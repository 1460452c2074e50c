// Tensors, options, indexing, printing and errors in LibTorch's spelling.
#include <torch/torch.h>

namespace torch {
// Programs reopen the namespace to add to it.
inline Tensor twice(const Tensor& x) { return x * 2; }
}  // namespace torch

using namespace torch::indexing;
namespace F = torch::nn::functional;

#define EXPECT(condition)                                                    \
  if (!(condition))                                                          \
  throw std::runtime_error(std::string(__FILE__ ": " #condition " does not " \
                                                "hold"))

int main() {
  torch::manual_seed(1);
  torch::set_num_threads(1);
  auto options = torch::TensorOptions()
                     .dtype(torch::kFloat32)
                     .layout(torch::kStrided)
                     .device(torch::kCPU)
                     .requires_grad(false);
  torch::Tensor a = torch::arange(6, options).reshape({2, 3});
  at::Tensor b = at::ones({2, 3}, at::kFloat);
  EXPECT(torch::equal(torch::twice(a), a + a));
  EXPECT((a + b).sum().item<float>() == 21.0f);
  EXPECT(a.sizes() == torch::IntArrayRef({2, 3}) && a.size(1) == 3 && a.dim() == 2);
  EXPECT(a.dtype() == torch::kFloat32 && a.scalar_type() == at::ScalarType::Float);
  EXPECT(a.index({Slice(), Slice(None, 2)}).numel() == 4);
  EXPECT(a.index({"...", 0}).numel() == 2);
  a.index_put_({0, Slice(1, None)}, 7);
  EXPECT(a[0][2].item().toFloat() == 7);
  torch::Tensor c = torch::tensor({{1, 2}, {3, 4}}, torch::dtype(torch::kInt64));
  EXPECT(c.select(0, 1).sum().item<int64_t>() == 7);
  auto view = a.accessor<float, 2>();
  EXPECT(view[1][0] == 3);
  std::vector<float> data = {1, 2, 3, 4};
  auto blob = torch::from_blob(data.data(), {2, 2}, torch::kFloat32);
  EXPECT(blob.data_ptr<float>() == data.data());
  auto owned = torch::from_blob(
      new float[2]{5, 6}, {2}, [](void* p) { delete[] static_cast<float*>(p); }, torch::kFloat);
  EXPECT(owned.sum().item<double>() == 11);
  EXPECT(blob.mm(blob.t()).allclose(torch::matmul(blob, blob.transpose(0, 1))));
  auto stacked = torch::stack({blob, blob}, 0);
  EXPECT(torch::cat({stacked, stacked}, 1).size(1) == 4);
  auto [values, indices] = blob.max(1);
  EXPECT(values[1].item<float>() == 4 && indices[1].item<long>() == 1);
  auto sorted = torch::sort(blob.flatten(), 0, true);
  EXPECT(std::get<0>(sorted)[0].item<float>() == 4);
  EXPECT(torch::where(blob > 2, blob, torch::zeros_like(blob)).sum().item<float>() == 7);
  EXPECT((blob.to(torch::kDouble) / 2).to(torch::kCPU, torch::kFloat32)[0][0].item<float>() ==
         0.5f);
  EXPECT(F::softmax(blob, F::SoftmaxFuncOptions(1)).sum().item<float>() > 1.99f);
  EXPECT(torch::softmax(blob, -1).defined() && !torch::Tensor().defined());
  EXPECT(blob.unsqueeze(0).repeat({2, 1, 1}).permute({2, 0, 1}).contiguous().is_contiguous());
  c10::optional<int> maybe = c10::nullopt;
  EXPECT(!maybe.has_value() && torch::make_optional(3).value() == 3);
  c10::ArrayRef<int64_t> sizes = a.sizes();
  EXPECT(sizes.size() == 2 && sizes.vec().back() == 3);
  torch::Device device(torch::kCPU);
  if (torch::cuda::is_available()) device = torch::Device(torch::kCUDA, 0);
  EXPECT(a.to(device).device().type() == device.type() && torch::cuda::device_count() < 100);
  std::ostringstream text;
  text << blob << '\n'
       << blob.sizes() << ' ' << blob.dtype() << ' ' << blob.device() << ' ' << torch::kFloat32;
  EXPECT(text.str().find("CPUFloatType") != std::string::npos);
  try {
    torch::mm(torch::ones({2, 3}), torch::ones({2, 3}));
    return 1;
  } catch (const c10::Error& e) {
    EXPECT(std::string(e.what_without_backtrace()).find("cannot be multiplied") !=
           std::string::npos);
    EXPECT(!e.msg().empty());
  }
  try {
    TORCH_CHECK(data.size() == 5, "expected five values, got ", data.size());
    return 1;
  } catch (const torch::Error& e) {
    EXPECT(std::string(e.what()).find("expected five values, got 4") != std::string::npos);
  }
  torch::Generator generator = at::detail::createCPUGenerator(3);
  EXPECT(torch::rand({3}, generator).numel() == 3);
  at::Scalar scalar = 2.5;
  EXPECT((blob * scalar).sum().item<float>() == 25);
  {
    torch::NoGradGuard guard;
    EXPECT(!torch::GradMode::is_enabled());
  }
  c10::InferenceMode mode;
  EXPECT(torch::linspace(0, 1, 5).mean().item<double>() == 0.5);
}
