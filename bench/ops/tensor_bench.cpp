// Operations on tensors beyond arithmetic: order, indices, joining, scans, small products, factors.
#include <functional>

#include "lib.h"
#include "rows.h"

namespace bench {
namespace {

using Op = std::function<lib::Tensor()>;

/// A row for op, which `make` gives with its inputs; its result, of float32, is compared.
void add_op(Suite& suite, const std::string& name, std::function<Op()> make) {
  Row row{"ops/" + name, "us", {}};
  row.threads = {1, 2};
  row.setup = [make] {
    Op op = make();
    Body body;
    body.run = timed_under<lib::NoGradGuard>([=] {
      lib::Tensor result = op();
      keep(result);
    });
    body.check = [=] { return checksum(op()); };
    return body;
  };
  suite.rows.push_back(row);
}

/// Reproducible indices in [0, count).
lib::Tensor indices(std::vector<int64_t> sizes, int64_t count) {
  return filled(std::move(sizes), 9, 0.0f, static_cast<float>(count)).to(lib::kInt64);
}

}  // namespace

void add_tensor_rows(Suite& suite) {
  add_op(suite, "sort/2^20", [] {
    lib::Tensor x = filled({1 << 20}, 1);
    return [=] { return std::get<0>(lib::sort(x)); };
  });
  add_op(suite, "sort/1024x1024", [] {
    lib::Tensor x = filled({1024, 1024}, 1);
    return [=] { return std::get<0>(lib::sort(x, 1)); };
  });
  add_op(suite, "topk/10_of_64x32768", [] {
    lib::Tensor x = filled({64, 32768}, 1);
    return [=] { return std::get<0>(lib::topk(x, 10, 1)); };
  });
  add_op(suite, "gather/1024x1024", [] {
    lib::Tensor x = filled({1024, 1024}, 1), index = indices({1024, 1024}, 1024);
    return [=] { return lib::gather(x, 1, index); };
  });
  add_op(suite, "scatter_add/1024x1024", [] {
    lib::Tensor x = filled({1024, 1024}, 1), index = indices({1024, 1024}, 1024);
    return [=] { return lib::scatter_add(x, 1, index, x); };
  });
  add_op(suite, "index_select/4096_of_8192x256", [] {
    lib::Tensor x = filled({8192, 256}, 1), index = indices({4096}, 8192);
    return [=] { return lib::index_select(x, 0, index); };
  });
  add_op(suite, "embedding/64x128_of_32768x256", [] {
    lib::Tensor x = filled({32768, 256}, 1), index = indices({64, 128}, 32768);
    return [=] { return lib::embedding(x, index); };
  });
  add_op(suite, "cat/4x256x1024_along_1", [] {
    lib::Tensor x = filled({256, 1024}, 1);
    return [=] { return lib::cat({x, x, x, x}, 1); };
  });
  add_op(suite, "cumsum/1024x1024", [] {
    lib::Tensor x = filled({1024, 1024}, 1);
    return [=] { return lib::cumsum(x, 1); };
  });
  add_op(suite, "permute_copy/32x64x32x32", [] {
    lib::Tensor x = filled({32, 64, 32, 32}, 1);
    return [=] { return x.permute({0, 2, 3, 1}).contiguous(); };
  });
  add_op(suite, "argmax/1024x1024", [] {
    lib::Tensor x = filled({1024, 1024}, 1);
    return [=] { return lib::argmax(x, 1).to(lib::kFloat32); };
  });
  add_op(suite, "var/1024x1024", [] {
    lib::Tensor x = filled({1024, 1024}, 1);
    return [=] { return lib::var(x, lib::IntArrayRef{1}, true); };
  });
  add_op(suite, "bmm/512_of_16x16", [] {
    lib::Tensor a = filled({512, 16, 16}, 1), b = filled({512, 16, 16}, 2);
    return [=] { return lib::bmm(a, b); };
  });
  add_op(suite, "einsum/bhid,bhjd->bhij", [] {
    lib::Tensor a = filled({8, 8, 64, 32}, 1), b = filled({8, 8, 64, 32}, 2);
    return [=] { return lib::einsum("bhid,bhjd->bhij", {a, b}); };
  });
  add_op(suite, "qr/256x256", [] {
    lib::Tensor x = filled({256, 256}, 1);
    return [=] { return lib::abs(std::get<1>(lib::linalg_qr(x))); };
  });
  add_op(suite, "svd/128x128", [] {
    lib::Tensor x = filled({128, 128}, 1);
    return [=] { return std::get<1>(lib::linalg_svd(x, false)); };
  });
}

}  // namespace bench
