// The sum of all elements.
#include "lib.h"
#include "rows.h"

namespace bench {

void add_reduction_rows(Suite& suite) {
  for (int power : {12, 16, 20, 24}) {
    int64_t count = int64_t{1} << power;
    for (bool existing : {false, true}) {
      Row row{
          "pointwise/sum/2^" + std::to_string(power) + (existing ? "/into" : "/fresh"), "us", {}};
      row.threads = {1, 2};
      row.bytes = 4.0 * static_cast<double>(count);
      row.elements = count;
      row.setup = [=] {
        lib::Tensor a = filled({count}, 1, -1.0f, 3.0f), out = lib::zeros({1});
        Body body;
        if (existing) {
          body.run = timed_under<lib::NoGradGuard>(
              [=]() mutable { lib::sum_out(out, a, {0}, /*keepdim=*/true); });
          body.check = [=]() mutable {
            lib::sum_out(out, a, {0}, true);
            return checksum(out);
          };
        } else {
          body.run = timed_under<lib::NoGradGuard>([=] {
            lib::Tensor result = a.sum();
            keep(result);
          });
          body.check = [=] { return checksum(a.sum()); };
        }
        return body;
      };
      suite.rows.push_back(row);
    }
  }
}

}  // namespace bench
