#include "taper/func/gradcheck.h"

#include <cmath>

#include "taper/autograd/autograd.h"
#include "taper/autograd/forward_ad.h"
#include "taper/base/error.h"

namespace taper {
namespace {

/// How many real numbers an element is.
size_t parts_of(const Tensor& t) { return t.is_complex() ? 2 : 1; }

/// Elements of a float64 or complex128 tensor in row-major order, wherever they lie; of complex
/// ones both parts. A gradient's parts are those of the real numbers that the element is made of,
/// so that a complex function is checked as the real one of its parts (Wirtinger).
std::vector<double*> elements_of(const Tensor& t) {
  const size_t parts = parts_of(t);
  std::vector<double*> out(static_cast<size_t>(t.numel()) * parts);
  if (out.empty()) return out;
  double* const data = parts == 2 ? &t.data_ptr<Complex<double>>()->re : t.data_ptr<double>();
  for (size_t i = 0; i < out.size(); ++i) {
    int64_t rest = static_cast<int64_t>(i / parts), offset = 0;
    for (int64_t d = t.dim() - 1; d >= 0; --d) {
      offset += rest % t.sizes()[d] * t.strides()[d];
      rest /= t.sizes()[d];
    }
    out[i] = data + static_cast<size_t>(offset) * parts + i % parts;
  }
  return out;
}

/// The i-th of elements_of(t), in words.
std::string element_name(const Tensor& t, size_t i) {
  if (!t.is_complex()) return str("element ", i);
  return str("element ", i / 2, i % 2 == 0 ? " (real part)" : " (imaginary part)");
}

bool has_double_precision(const Tensor& t) {
  return t.scalar_type() == kDouble || t.scalar_type() == kComplexDouble;
}

bool is_checked(const Tensor& t) { return t.defined() && t.requires_grad(); }

/// Values by output and element.
using Values = std::vector<std::vector<double>>;

Values values_of(const std::vector<Tensor>& outputs, const std::vector<size_t>& which) {
  Values values;
  for (size_t o : which) {
    std::vector<double>& v = values.emplace_back();
    for (const double* p : elements_of(outputs[o])) v.push_back(*p);
  }
  return values;
}

/// A weight per output element, all different: a uniform one hides errors that cancel.
Tensor weights_for(const Tensor& output, size_t seed) {
  Tensor w(TensorImpl::empty("gradcheck", output.sizes(), output.scalar_type()));
  size_t i = seed * 7;
  for (double* p : elements_of(w)) *p = 0.3 + std::fmod(0.6180339887 * static_cast<double>(++i), 1);
  return w;
}

struct Checker {
  const TensorFunction& fn;
  const std::vector<Tensor>& inputs;
  double eps, atol, rtol;
  bool forward;
  std::vector<Tensor> outputs;
  std::vector<size_t> which;    // outputs that are differentiated
  std::vector<size_t> sources;  // inputs that are

  void run() {
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (!is_checked(inputs[i])) continue;
      TAPER_CHECK_AS(DTypeError, has_double_precision(inputs[i]), "gradcheck: input ", i,
                     " requires grad and has dtype ", inputs[i].scalar_type(),
                     ", expected Double or ComplexDouble");
      sources.push_back(i);
    }
    TAPER_CHECK(!sources.empty(),
                "gradcheck: expects at least one input tensor to require gradient, but none of "
                "them have requires_grad=True");
    outputs = fn(inputs);
    for (size_t o = 0; o < outputs.size(); ++o) {
      if (!is_checked(outputs[o])) continue;
      TAPER_CHECK_AS(DTypeError, has_double_precision(outputs[o]), "gradcheck: output ", o,
                     " requires grad and has dtype ", outputs[o].scalar_type(),
                     ", expected Double or ComplexDouble");
      which.push_back(o);
    }
    const std::vector<Values> analytic = analytic_jacobian();
    for (size_t s = 0; s < sources.size(); ++s) compare(s, analytic[s]);
    check_weighted(analytic);
    for (size_t s = 0; forward && s < sources.size(); ++s) check_forward(analytic, s, s + 1);
    if (forward && sources.size() > 1) check_forward(analytic, 0, sources.size());
  }

  std::vector<Tensor> source_tensors() const {
    std::vector<Tensor> tensors;
    for (size_t s : sources) tensors.push_back(inputs[s]);
    return tensors;
  }

  std::vector<double> gradient_values(const Tensor& grad, const Tensor& input) const {
    std::vector<double> values(static_cast<size_t>(input.numel()) * parts_of(input), 0.0);
    if (!grad.defined()) return values;
    TAPER_CHECK_AS(DTypeError, grad.scalar_type() == input.scalar_type(), "gradcheck: gradient of ",
                   grad.scalar_type(), " for an input of ", input.scalar_type());
    TAPER_CHECK_AS(ShapeError, grad.sizes() == input.sizes(), "gradcheck: gradient of sizes ",
                   grad.sizes(), " for an input of sizes ", input.sizes());
    const std::vector<double*> elements = elements_of(grad);
    for (size_t i = 0; i < values.size(); ++i) values[i] = *elements[i];
    return values;
  }

  /// [source][output element over all outputs][input element]
  std::vector<Values> analytic_jacobian() const {
    std::vector<Values> jacobian(sources.size());
    const std::vector<Tensor> wanted = source_tensors();
    for (size_t o : which) {
      Tensor unit(TensorImpl::empty("gradcheck", outputs[o].sizes(), outputs[o].scalar_type()));
      for (double* p : elements_of(unit)) *p = 0;
      for (double* p : elements_of(unit)) {
        *p = 1;
        const auto grads = autograd::grad(outputs[o], wanted, unit, true, false, true);
        for (size_t s = 0; s < sources.size(); ++s) {
          jacobian[s].push_back(gradient_values(grads[s], wanted[s]));
        }
        *p = 0;  // only now: a gradient may be the unit tensor itself
      }
    }
    return jacobian;
  }

  void compare(size_t source, const Values& analytic) const {
    NoGradGuard no_grad;
    const size_t input = sources[source];
    const std::vector<double*> elements = elements_of(inputs[input]);
    for (size_t e = 0; e < elements.size(); ++e) {
      const double before = *elements[e];
      *elements[e] = before + eps;
      const Values above = values_of(fn(inputs), which);
      *elements[e] = before - eps;
      const Values below = values_of(fn(inputs), which);
      *elements[e] = before;
      size_t row = 0;
      for (size_t o = 0; o < which.size(); ++o) {
        for (size_t i = 0; i < above[o].size(); ++i, ++row) {
          const double numeric = (above[o][i] - below[o][i]) / (2 * eps);
          const double got = analytic[row][e];
          TAPER_CHECK(std::abs(got - numeric) <= atol + rtol * std::abs(numeric),
                      "gradcheck: Jacobian mismatch for output ", which[o], " ",
                      element_name(outputs[which[o]], i), " with respect to input ", input, " ",
                      element_name(inputs[input], e), ": numerical ", numeric, ", analytical ",
                      got);
        }
      }
    }
  }

  /// One backward with a non-uniform weight must give the same combination of the rows.
  void check_weighted(const std::vector<Values>& analytic) const {
    const std::vector<Tensor> wanted = source_tensors();
    size_t row = 0;
    for (size_t o : which) {
      const Tensor weights = weights_for(outputs[o], o);
      const auto grads = autograd::grad(outputs[o], wanted, weights, true, false, true);
      const std::vector<double*> w = elements_of(weights);
      for (size_t s = 0; s < sources.size(); ++s) {
        const std::vector<double> got = gradient_values(grads[s], wanted[s]);
        for (size_t e = 0; e < got.size(); ++e) {
          double want = 0;
          for (size_t i = 0; i < w.size(); ++i) want += *w[i] * analytic[s][row + i][e];
          TAPER_CHECK(std::abs(got[e] - want) <= atol + rtol * std::abs(want),
                      "gradcheck: weighted gradient of output ", o, " with respect to input ",
                      sources[s], " ", element_name(wanted[s], e), ": ", got[e],
                      ", rows of the Jacobian give ", want);
        }
      }
      row += w.size();
    }
  }

  /// The tangents along a direction of the sources [begin, end) must be the Jacobian's product with
  /// it: for one source outside the graph, for several as part of it.
  void check_forward(const std::vector<Values>& analytic, size_t begin, size_t end) const {
    using namespace autograd;
    AutoGradMode mode(end - begin > 1);
    forward_ad::dual_level level;
    std::vector<Tensor> duals = inputs;
    std::vector<std::vector<double*>> directions;
    std::vector<Tensor> tangents;
    for (size_t s = begin; s < end; ++s) {
      Tensor& input = duals[sources[s]];
      tangents.push_back(weights_for(input, s + 3));
      directions.push_back(elements_of(tangents.back()));
      input = forward_ad::make_dual(input, tangents.back());
    }
    const std::vector<Tensor> results = fn(duals);
    size_t row = 0;
    for (size_t o : which) {
      const Tensor tangent = forward_ad::unpack_dual(results[o]).tangent;
      const std::vector<double> got = gradient_values(tangent, outputs[o]);
      for (size_t i = 0; i < got.size(); ++i, ++row) {
        double want = 0;
        for (size_t s = begin; s < end; ++s) {
          const std::vector<double*>& direction = directions[s - begin];
          for (size_t e = 0; e < direction.size(); ++e) {
            want += *direction[e] * analytic[s][row][e];
          }
        }
        TAPER_CHECK(std::abs(got[i] - want) <= atol + rtol * std::abs(want),
                    "gradcheck: forward mode mismatch for output ", o, " element ", i,
                    " along inputs ", sources[begin], " to ", sources[end - 1], ": got ", got[i],
                    ", the Jacobian gives ", want);
      }
    }
  }
};

}  // namespace

bool gradcheck(const TensorFunction& fn, const std::vector<Tensor>& inputs, double eps, double atol,
               double rtol, bool check_forward_ad) {
  Checker{fn, inputs, eps, atol, rtol, check_forward_ad, {}, {}, {}}.run();
  return true;
}

bool gradgradcheck(const TensorFunction& fn, const std::vector<Tensor>& inputs, double eps,
                   double atol, double rtol) {
  const std::vector<Tensor> outputs = fn(inputs);
  std::vector<Tensor> extended = inputs;
  std::vector<size_t> which;
  for (size_t o = 0; o < outputs.size(); ++o) {
    if (!is_checked(outputs[o])) continue;
    which.push_back(o);
    extended.push_back(weights_for(outputs[o], o).requires_grad_());
  }
  const size_t count = inputs.size();
  const TensorFunction gradients = [&](const std::vector<Tensor>& all) {
    // Central differences call this without gradients; the first derivative needs them.
    AutoGradMode mode(true);
    const std::vector<Tensor> args(all.begin(), all.begin() + static_cast<int64_t>(count));
    const std::vector<Tensor> results = fn(args);
    std::vector<Tensor> roots, wanted;
    for (size_t o : which) roots.push_back(results[o]);
    for (const Tensor& t : args) {
      if (is_checked(t)) wanted.push_back(t);
    }
    const std::vector<Tensor> weights(all.begin() + static_cast<int64_t>(count), all.end());
    auto grads = autograd::grad(roots, wanted, weights, true, true, true);
    for (size_t i = 0; i < grads.size(); ++i) {
      // A constant gradient has no derivative to check, yet keeps its place.
      if (!grads[i].defined()) {
        grads[i] =
            Tensor(TensorImpl::empty("gradgradcheck", wanted[i].sizes(), wanted[i].scalar_type()));
        grads[i].zero_();
      }
    }
    return std::vector<Tensor>(grads.begin(), grads.end());
  };
  return gradcheck(gradients, extended, eps, atol, rtol);
}

}  // namespace taper
