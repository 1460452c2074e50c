// A transposed matrix made contiguous.
#include "lib.h"
#include "rows.h"

namespace bench {

void add_copy_rows(Suite& suite) {
  for (int power : {20, 24}) {
    int64_t side = int64_t{1} << (power / 2);
    for (bool existing : {false, true}) {
      Row row{
          "copy/transposed/2^" + std::to_string(power) + (existing ? "/into" : "/fresh"), "us", {}};
      row.threads = {1, 2};
      row.bytes = 8.0 * static_cast<double>(side * side);
      row.elements = side * side;
      row.setup = [=] {
        lib::Tensor a = filled({side, side}, 1), out = lib::zeros({side, side});
        Body body;
        if (existing) {
          body.run = timed_under<lib::NoGradGuard>([=]() mutable { out.copy_(a.t()); });
          body.check = [=]() mutable {
            out.copy_(a.t());
            return checksum(out);
          };
        } else {
          body.run = timed_under<lib::NoGradGuard>([=] {
            lib::Tensor result = a.t().contiguous();
            keep(result);
          });
          body.check = [=] { return checksum(a.t().contiguous()); };
        }
        return body;
      };
      suite.rows.push_back(row);
    }
  }
}

}  // namespace bench
