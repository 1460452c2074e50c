// Finds the coefficients of a cubic from noisy points: a linear layer over the powers of x, trained
// on small batches that are drawn anew for each step.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "taper/taper.h"

using namespace taper;
namespace F = nn::functional;

constexpr int kDegree = 3, kSteps = 1500;
constexpr double kNoise = 0.1;

// The columns x, x^2, x^3: the curve is a straight line in them.
Tensor powers(const Tensor& x) { return stack({x, x.pow(2), x.pow(3)}, /*dim=*/1); }

struct Curve {
  Tensor weight = tensor({-1.5, 0.7, 2.0}, kFloat);
  double bias = 0.4;
  Tensor operator()(const Tensor& x) const { return powers(x).mv(weight) + bias; }
};

void print_polynomial(const char* title, const Tensor& weight, double bias) {
  std::printf("%-8s y = %.3f", title, bias);
  for (int power = 1; power <= kDegree; ++power) {
    const double w = weight[power - 1].item<double>();
    std::printf(" %c %.3f x", w < 0 ? '-' : '+', std::abs(w));
    if (power > 1) std::printf("^%d", power);
  }
  std::printf("\n");
}

int main() {
  manual_seed(0);
  const Curve truth;
  nn::Linear model(kDegree, 1);
  optim::Adam optimizer(model->parameters(), optim::AdamOptions(0.03));
  // Steps that become smaller average the noise away.
  optim::CosineAnnealingLR scheduler(optimizer, kSteps);

  for (int step = 0; step < kSteps; ++step) {
    const Tensor x = rand({64}) * 2 - 1;
    const Tensor y = truth(x) + kNoise * randn({64});
    const Tensor loss = F::mse_loss(model(powers(x)).squeeze(1), y);
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
    scheduler.step();
    // The noise's variance is what no model can get below.
    if (step % 300 == 299 || step == 0) {
      std::printf("step %4d  loss %.4f (noise alone: %.4f)\n", step + 1, loss.item<double>(),
                  kNoise * kNoise);
    }
  }

  const Tensor weight = model->weight.detach()[0];
  const double bias = model->bias.item<double>();
  print_polynomial("true", truth.weight, truth.bias);
  print_polynomial("learned", weight, bias);
  const double error =
      std::max((weight - truth.weight).abs().max().item<double>(), std::abs(bias - truth.bias));
  std::printf("largest error of a coefficient: %.4f\n", error);
  return error < 0.1 ? 0 : 1;
}
