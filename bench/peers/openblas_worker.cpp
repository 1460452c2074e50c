// Plain OpenBLAS as a peer for the products: the same rows without a tensor library around them.
#include <cblas.h>

#include <cmath>
#include <memory>

#include "runner.h"

extern "C" char* openblas_get_config(void);
extern "C" int openblas_get_parallel(void);

namespace {

// The values and weights of lib.cpp's filled() and checksum(), without a tensor.
std::vector<float> filled(int64_t count, uint64_t seed) {
  std::vector<float> values(static_cast<size_t>(count));
  uint64_t state = seed * 0x9E3779B97F4A7C15ull + 0x632BE59BD9B4E019ull;
  for (float& value : values) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    value = -1.0f + 2.0f * static_cast<float>(state >> 40) * 0x1p-24f;
  }
  return values;
}

bench::Check checksum(const std::vector<float>& values) {
  bench::Check check;
  for (size_t i = 0; i < values.size(); ++i) {
    double weighted = static_cast<double>(values[i]) * static_cast<double>(1 + i % 7);
    check.value += weighted;
    check.scale += std::fabs(weighted);
  }
  return check;
}

struct Product {
  int64_t size;
  bool a_transposed, b_transposed;
  std::vector<float> a, b, c;

  void run() {
    int n = static_cast<int>(size);
    cblas_sgemm(CblasRowMajor, a_transposed ? CblasTrans : CblasNoTrans,
                b_transposed ? CblasTrans : CblasNoTrans, n, n, n, 1.0f, a.data(), n, b.data(), n,
                0.0f, c.data(), n);
  }
};

}  // namespace

int main() {
  bench::Suite suite;
  suite.library = std::string(openblas_get_config()) +
                  (openblas_get_parallel() == 2 ? ", OpenMP flavour" : ", other flavour");
  for (int64_t size : {16, 32, 64, 128, 256, 512, 1024, 2048}) {
    for (const char* transposes : {"nn", "nt", "tn", "tt"}) {
      bool a = transposes[0] == 't', b = transposes[1] == 't';
      bench::Row row{"sgemm/" + std::to_string(size) + "/" + transposes, "us", {}};
      row.threads = {1, 2};
      row.flop = 2.0 * static_cast<double>(size * size * size);
      row.setup = [=] {
        auto product = std::make_shared<Product>(
            Product{size, a, b, filled(size * size, 1), filled(size * size, 2),
                    std::vector<float>(static_cast<size_t>(size * size))});
        bench::Body body;
        body.run = bench::timed([product] { product->run(); });
        body.check = [product] {
          product->run();
          return checksum(product->c);
        };
        return body;
      };
      suite.rows.push_back(row);
    }
  }
  return bench::serve(std::move(suite));
}
