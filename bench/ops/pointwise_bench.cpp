// Pointwise ops from cache to memory, into a fresh result and into an existing one.
#include "lib.h"
#include "rows.h"

namespace bench {
namespace {

template <class Fresh, class Into>
void add_op(Suite& suite, const std::string& op, double bytes, Fresh fresh, Into into) {
  for (int power : {12, 16, 20, 24}) {
    int64_t count = int64_t{1} << power;
    for (bool existing : {false, true}) {
      Row row{"pointwise/" + op + "/2^" + std::to_string(power) + (existing ? "/into" : "/fresh"),
              "us",
              {}};
      row.threads = {1, 2};
      row.bytes = bytes * static_cast<double>(count);
      row.elements = count;
      row.setup = [=] {
        lib::Tensor a = filled({count}, 1, -3.0f, 3.0f), b = filled({count}, 2, -3.0f, 3.0f);
        Body body;
        if (existing) {
          lib::Tensor out = lib::zeros({count});
          body.run = timed_under<lib::NoGradGuard>([=]() mutable { into(out, a, b); });
          body.check = [=]() mutable {
            into(out, a, b);
            return checksum(out);
          };
        } else {
          body.run = timed_under<lib::NoGradGuard>([=] {
            lib::Tensor result = fresh(a, b);
            keep(result);
          });
          body.check = [=] { return checksum(fresh(a, b)); };
        }
        return body;
      };
      suite.rows.push_back(row);
    }
  }
}

}  // namespace

void add_pointwise_rows(Suite& suite) {
  using lib::Tensor;
  add_op(
      suite, "add", 12, [](const Tensor& a, const Tensor& b) { return a + b; },
      [](Tensor& out, const Tensor& a, const Tensor& b) { lib::add_out(out, a, b); });
  add_op(
      suite, "mul", 12, [](const Tensor& a, const Tensor& b) { return a * b; },
      [](Tensor& out, const Tensor& a, const Tensor& b) { lib::mul_out(out, a, b); });
  add_op(
      suite, "exp", 8, [](const Tensor& a, const Tensor&) { return lib::exp(a); },
      [](Tensor& out, const Tensor& a, const Tensor&) { lib::exp_out(out, a); });
  add_op(
      suite, "tanh", 8, [](const Tensor& a, const Tensor&) { return lib::tanh(a); },
      [](Tensor& out, const Tensor& a, const Tensor&) { lib::tanh_out(out, a); });
  add_op(
      suite, "gelu", 8, [](const Tensor& a, const Tensor&) { return lib::gelu(a); },
      [](Tensor& out, const Tensor& a, const Tensor&) { lib::gelu_out(out, a); });
}

}  // namespace bench
