// Fourier transforms: one line, and as many as make 2^18 numbers; real and complex.
#include "lib.h"
#include "rows.h"

namespace bench {

void add_fft_rows(Suite& suite) {
  for (int64_t n : {256, 1009, 1024, 65536, 65537}) {
    for (bool many : {false, true}) {
      for (bool real : {false, true}) {
        const int64_t rows = many ? (int64_t{1} << 18) / n : 1;
        Row row{std::string("ops/") + (real ? "rfft" : "fft") + "/" + std::to_string(rows) + "x" +
                    std::to_string(n),
                "us",
                {}};
        row.threads = {1, 2};
        row.elements = rows * n;
        row.setup = [=] {
          const lib::Tensor line = filled({rows, n}, 1);
          const lib::Tensor x = real ? line : lib::complex(line, filled({rows, n}, 2));
          const auto transform = [=] { return real ? lib::fft_rfft(x) : lib::fft_fft(x); };
          Body body;
          body.run = timed_under<lib::NoGradGuard>([=] {
            lib::Tensor result = transform();
            keep(result);
          });
          body.check = [=] { return checksum(lib::view_as_real(transform())); };
          return body;
        };
        suite.rows.push_back(row);
      }
    }
  }
}

}  // namespace bench
