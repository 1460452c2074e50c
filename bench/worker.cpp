// The process that measures one library; run.py talks to it over its standard streams.
#include "lib.h"
#include "rows.h"

int main() {
  bench::flush_denormals();
  bench::Suite suite;
#ifdef BENCH_PEER
  suite.library = "LibTorch " TORCH_VERSION;
#else
  suite.library = "Taper";
#endif
  bench::add_tiny_rows(suite);
  bench::add_autograd_rows(suite);
  bench::add_linear_rows(suite);
  bench::add_pointwise_rows(suite);
  bench::add_reduction_rows(suite);
  bench::add_softmax_rows(suite);
  bench::add_fft_rows(suite);
  bench::add_attention_rows(suite);
  bench::add_normalization_rows(suite);
  bench::add_copy_rows(suite);
  bench::add_matmul_rows(suite);
  bench::add_tensor_rows(suite);
  bench::add_adamw_rows(suite);
  bench::add_loader_rows(suite);
  bench::add_mlp_rows(suite);
  bench::add_demo_rows(suite);
  bench::add_recurrent_rows(suite);
  bench::add_large_rows(suite);
  bench::add_dcgan_rows(suite);
  bench::add_loss_curves(suite);
  return bench::serve(std::move(suite));
}
