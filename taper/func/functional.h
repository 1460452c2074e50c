#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "taper/base/function.h"
#include "taper/func/gradcheck.h"
#include "taper/tensor/tensor.h"

// torch.autograd.functional. A function takes and returns one Tensor, or vectors of Tensors.
//
// With create_graph the results can be differentiated again; without, they have no history. An
// input on which a result does not depend has zeros, or, with strict, makes an Error. Vectors v
// have the sizes of what they multiply; v may be left out where that is a single element.
namespace taper TAPER_API {
namespace autograd::functional {

using SingleFunction = Function<Tensor(const Tensor&)>;
using ScalarFunction = Function<Tensor(const std::vector<Tensor>&)>;

/// d(output)/d(input), of sizes [output sizes..., input sizes...]: one backward per element of the
/// output, or, with the strategy "forward-mode" (which cannot be strict), one tangent per element
/// of the input. For vectors, entry [i][j] is of output i and input j.
Tensor jacobian(const SingleFunction& func, const Tensor& input, bool create_graph = false,
                bool strict = false, std::string_view strategy = "reverse-mode");
std::vector<std::vector<Tensor>> jacobian(const TensorFunction& func,
                                          const std::vector<Tensor>& inputs,
                                          bool create_graph = false, bool strict = false,
                                          std::string_view strategy = "reverse-mode");

/// The second derivatives of a function of a single element, of sizes [input sizes..., input
/// sizes...]; entry [i][j] is of inputs i and j.
Tensor hessian(const SingleFunction& func, const Tensor& input, bool create_graph = false,
               bool strict = false);
std::vector<std::vector<Tensor>> hessian(const ScalarFunction& func,
                                         const std::vector<Tensor>& inputs,
                                         bool create_graph = false, bool strict = false);

/// The output, and v times the Jacobian; v has the output's sizes.
std::pair<Tensor, Tensor> vjp(const SingleFunction& func, const Tensor& input, const Tensor& v = {},
                              bool create_graph = false, bool strict = false);
std::pair<std::vector<Tensor>, std::vector<Tensor>> vjp(const TensorFunction& func,
                                                        const std::vector<Tensor>& inputs,
                                                        const std::vector<Tensor>& v = {},
                                                        bool create_graph = false,
                                                        bool strict = false);

/// The output, and the Jacobian times v, by two backwards or, with the strategy "forward-mode"
/// (which cannot be strict), by tangents; v has the input's sizes.
std::pair<Tensor, Tensor> jvp(const SingleFunction& func, const Tensor& input, const Tensor& v = {},
                              bool create_graph = false, bool strict = false,
                              std::string_view strategy = "reverse-mode");
std::pair<std::vector<Tensor>, std::vector<Tensor>> jvp(const TensorFunction& func,
                                                        const std::vector<Tensor>& inputs,
                                                        const std::vector<Tensor>& v = {},
                                                        bool create_graph = false,
                                                        bool strict = false,
                                                        std::string_view strategy = "reverse-mode");

/// The output of a function of a single element, and v times its Hessian.
std::pair<Tensor, Tensor> vhp(const SingleFunction& func, const Tensor& input, const Tensor& v = {},
                              bool create_graph = false, bool strict = false);
std::pair<Tensor, std::vector<Tensor>> vhp(const ScalarFunction& func,
                                           const std::vector<Tensor>& inputs,
                                           const std::vector<Tensor>& v = {},
                                           bool create_graph = false, bool strict = false);

/// The same with the Hessian times v: the tangents of one backward, or, when strict or inside a
/// dual level, three backwards.
std::pair<Tensor, Tensor> hvp(const SingleFunction& func, const Tensor& input, const Tensor& v = {},
                              bool create_graph = false, bool strict = false);
std::pair<Tensor, std::vector<Tensor>> hvp(const ScalarFunction& func,
                                           const std::vector<Tensor>& inputs,
                                           const std::vector<Tensor>& v = {},
                                           bool create_graph = false, bool strict = false);

}  // namespace autograd::functional
}  // namespace taper
