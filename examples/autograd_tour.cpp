// Autograd, step by step: what backward() does, what it leaves out, and derivatives of derivatives.
// Each step prints what it found beside what is right, and the program fails when they differ.
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "taper/taper.h"

using namespace taper;

bool all_right = true;

void show(const char* what, double got, double expected) {
  const bool right = std::abs(got - expected) <= 1e-9 * (1 + std::abs(expected));
  all_right &= right;
  std::printf("  %-46s %10.4f   %s %.4f\n", what, got, right ? "is" : "SHOULD BE", expected);
}
void title(const char* text) { std::printf("%s\n", text); }

Tensor variable(double value) { return tensor(value, kDouble).requires_grad_(); }
double number(const Tensor& x) { return x.item<double>(); }

void first_gradient() {
  title("1. A gradient: z = x^2 y");
  const Tensor x = variable(3), y = variable(2);
  const Tensor z = x * x * y;
  z.backward();
  show("dz/dx = 2 x y", number(x.grad()), 12);
  show("dz/dy = x^2", number(y.grad()), 9);

  title("2. Gradients add up until they are set to zero");
  (x * 5).backward();
  show("x.grad() after another backward", number(x.grad()), 12 + 5);
  x.grad().zero_();
  (x * 5).backward();
  show("after zero_() and another", number(x.grad()), 5);
}

void what_is_left_out() {
  title("3. What is not recorded");
  const Tensor x = variable(3);
  {
    NoGradGuard no_grad;
    show("under NoGradGuard: requires_grad", static_cast<double>((x * 2).requires_grad()), 0);
  }
  // A detached factor is a constant.
  (x * x.detach()).backward();
  show("d/dx of x * x.detach()", number(x.grad()), 3);

  title("4. Inner results keep no gradient unless asked to");
  const Tensor inner = x * 2;
  inner.retain_grad();
  (inner * inner).backward();
  show("inner.grad() = 2 inner", number(inner.grad()), 12);
}

void hooks() {
  title("5. A hook sees a gradient on its way and may change it");
  const Tensor x = variable(3);
  const Tensor inner = x * 2;
  double seen = 0;
  inner.register_hook([&seen](const Tensor& gradient) {
    seen = number(gradient);
    return gradient.clamp(-1, 1);
  });
  (inner * inner).backward();
  show("the hook saw", seen, 12);
  show("x.grad() after the hook's clamp", number(x.grad()), 2);
}

void higher_derivatives() {
  title("6. Derivatives of derivatives: sin at 1");
  const Tensor x = variable(1);
  Tensor y = x.sin();
  const double expected[] = {std::cos(1), -std::sin(1), -std::cos(1)};
  for (int order = 1; order <= 3; ++order) {
    y = autograd::grad({y}, {x}, {}, /*retain_graph=*/{}, /*create_graph=*/true)[0];
    show(("derivative " + std::to_string(order)).c_str(), number(y), expected[order - 1]);
  }

  title("7. Put to use: Newton's method for the minimum of (t - 2)^4 + t^2");
  Tensor t = tensor(0.0, kDouble);
  for (int step = 0; step < 20; ++step) {
    const Tensor at = t.detach().requires_grad_();
    const Tensor f = (at - 2).pow(4) + at.pow(2);
    const Tensor slope = autograd::grad({f}, {at}, {}, {}, true)[0];
    const Tensor curvature = autograd::grad({slope}, {at})[0];
    t = at.detach() - slope.detach() / curvature;
  }
  const double slope = 4 * std::pow(number(t) - 2, 3) + 2 * number(t);
  show("slope at the minimum", std::abs(slope), 0);
}

// x^3 with a backward of its own, of operations, so that it can be differentiated again.
struct Cube : autograd::Function<Cube> {
  static Tensor forward(autograd::AutogradContext* ctx, const Tensor& x) {
    ctx->save_for_backward({x});
    return x * x * x;
  }
  static autograd::variable_list backward(autograd::AutogradContext* ctx,
                                          autograd::variable_list gradients) {
    const Tensor x = ctx->get_saved_variables()[0];
    return {gradients[0] * 3 * x * x};
  }
};

void own_function() {
  title("8. A function of one's own");
  const Tensor x = variable(2);
  const Tensor first = autograd::grad({Cube::apply(x)}, {x}, {}, {}, true)[0];
  show("3 x^2", number(first), 12);
  show("6 x", number(autograd::grad({first}, {x})[0]), 12);
  const auto cube = [](const std::vector<Tensor>& in) {
    return std::vector<Tensor>{Cube::apply(in[0])};
  };
  show("gradcheck agrees", static_cast<double>(gradcheck(cube, {x})), 1);
}

void jacobians() {
  title("9. Jacobians and Hessians");
  const Tensor polar = tensor({2.0, 0.5}, kDouble);  // radius and angle
  const auto cartesian = [](const Tensor& p) {
    return stack({p[0] * p[1].cos(), p[0] * p[1].sin()});
  };
  const Tensor j = autograd::functional::jacobian(cartesian, polar);
  show("determinant of polar coordinates: the radius",
       number(j[0][0] * j[1][1] - j[0][1] * j[1][0]), 2);
  const auto saddle = [](const Tensor& p) { return p[0] * p[0] - 3 * p[0] * p[1]; };
  const Tensor h = autograd::functional::hessian(saddle, polar);
  show("d2/dx2 of x^2 - 3 x y", number(h[0][0]), 2);
  show("d2/dxdy", number(h[0][1]), -3);
}

int main() {
  first_gradient();
  what_is_left_out();
  hooks();
  higher_derivatives();
  own_function();
  jacobians();
  std::printf("%s\n", all_right ? "all as expected" : "something is wrong");
  return all_right ? 0 : 1;
}
