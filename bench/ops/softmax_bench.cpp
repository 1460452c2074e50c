// Softmax over rows of 1,024 elements.
#include "lib.h"
#include "rows.h"

namespace bench {

void add_softmax_rows(Suite& suite) {
  for (int power : {12, 16, 20, 24}) {
    int64_t count = int64_t{1} << power;
    for (bool existing : {false, true}) {
      Row row{"pointwise/softmax/2^" + std::to_string(power) + (existing ? "/into" : "/fresh"),
              "us",
              {}};
      row.threads = {1, 2};
      row.bytes = 8.0 * static_cast<double>(count);
      row.elements = count;
      row.setup = [=] {
        lib::Tensor a = filled({count / 1024, 1024}, 1, -4.0f, 4.0f);
        Body body;
        if (existing) {
          lib::Tensor out = lib::zeros({count / 1024, 1024});
          body.run = timed_under<lib::NoGradGuard>([=]() mutable { lib::softmax_out(out, a, 1); });
          body.check = [=]() mutable {
            lib::softmax_out(out, a, 1);
            return checksum(out);
          };
        } else {
          body.run = timed_under<lib::NoGradGuard>([=] {
            lib::Tensor result = lib::softmax(a, 1);
            keep(result);
          });
          body.check = [=] { return checksum(lib::softmax(a, 1)); };
        }
        return body;
      };
      suite.rows.push_back(row);
    }
  }
}

}  // namespace bench
