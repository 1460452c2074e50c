// Square float32 products into an existing result, all four transposes.
#include "lib.h"
#include "rows.h"

namespace bench {

void add_matmul_rows(Suite& suite) {
  for (int64_t size : {16, 32, 64, 128, 256, 512, 1024, 2048}) {
    for (const char* transposes : {"nn", "nt", "tn", "tt"}) {
      bool a_transposed = transposes[0] == 't', b_transposed = transposes[1] == 't';
      Row row{"sgemm/" + std::to_string(size) + "/" + transposes, "us", {}};
      row.threads = {1, 2};
      row.flop = 2.0 * static_cast<double>(size * size * size);
      row.setup = [=] {
        lib::Tensor a = filled({size, size}, 1), b = filled({size, size}, 2);
        if (a_transposed) a = a.t();
        if (b_transposed) b = b.t();
        lib::Tensor out = lib::zeros({size, size});
        Body body;
        body.run = timed_under<lib::NoGradGuard>([=]() mutable { lib::mm_out(out, a, b); });
        body.check = [=]() mutable {
          lib::mm_out(out, a, b);
          return checksum(out);
        };
        return body;
      };
      suite.rows.push_back(row);
    }
  }
}

}  // namespace bench
