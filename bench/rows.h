// One function per file of rows; worker.cpp calls them in this order.
#pragma once

#include "runner.h"

namespace bench {

void add_tiny_rows(Suite& suite);
void add_autograd_rows(Suite& suite);
void add_linear_rows(Suite& suite);
void add_pointwise_rows(Suite& suite);
void add_reduction_rows(Suite& suite);
void add_softmax_rows(Suite& suite);
void add_fft_rows(Suite& suite);
void add_attention_rows(Suite& suite);
void add_normalization_rows(Suite& suite);
void add_copy_rows(Suite& suite);
void add_matmul_rows(Suite& suite);
void add_tensor_rows(Suite& suite);
void add_adamw_rows(Suite& suite);
void add_loader_rows(Suite& suite);
void add_mlp_rows(Suite& suite);
void add_demo_rows(Suite& suite);
void add_recurrent_rows(Suite& suite);
void add_large_rows(Suite& suite);
void add_dcgan_rows(Suite& suite);
void add_loss_curves(Suite& suite);

}  // namespace bench
