#include "taper/ops/masking.h"

#include "taper/autograd/grad_mode.h"
#include "taper/kernel/masking.h"
#include "taper/ops/bodies.h"
#include "taper/ops/copy.h"
#include "taper/ops/creation.h"
#include "taper/ops/strided.h"
#include "taper/ops/view.h"

namespace taper {
namespace {

void check_mask(const char* op, const Tensor& mask) {
  TAPER_CHECK_AS(DTypeError, mask.scalar_type() == kBool, op, ": ", op,
                 " only supports boolean masks, but got mask with dtype ", mask.scalar_type());
}

Tensor masked_select_fresh(const Tensor& self, const Tensor& mask) {
  TAPER_CHECK_AS(DTypeError, mask.scalar_type() == kBool,
                 "masked_select: expected BoolTensor for mask, got ", mask.scalar_type());
  Tensor out;
  {
    NoRecordGuard no_record;
    const DimVector sizes = broadcast_sizes(self.sizes(), mask.sizes());
    const Tensor from = self.expand(sizes), chosen = mask.expand(sizes);
    const int64_t count = count_nonzero_kernel(chosen.device(), in(chosen));
    out = new_tensor("masked_select", count, self.scalar_type());
    masked_take_kernel(out.device(), out_view(out), in(from), in(chosen));
  }
  if (needs_grad(self)) {
    record({.name = "MaskedSelectBackward0",
            .outputs = {out},
            .inputs = {self},
            .save = {mask},
            .backward = [](Backward& b) {
              const DimVector sizes = broadcast_sizes(b.sizes(0), b.saved(0).sizes());
              const Tensor zeros = b.grad().new_zeros(sizes);
              b.set(0, sum_to(zeros.masked_scatter(b.saved(0), b.grad()), b.sizes(0)));
            }});
  }
  return out;
}

}  // namespace

Tensor body::masked_select(Out out, const Tensor& self, const Tensor& mask) {
  out.check_apart("masked_select", self.scalar_type(), {self, mask});
  return out.give("masked_select", masked_select_fresh(self, mask), {self, mask});
}

namespace {

Tensor masked_fill_body(const char* name, const Out& out, const Tensor& self, const Tensor& mask,
                        const Scalar& value, const Tensor& value_tensor) {
  check_mask("masked_fill", mask);
  const DimVector sizes = broadcast_sizes(self.sizes(), mask.sizes());
  Tensor result;
  if (out.is_fresh()) {
    NoRecordGuard no_record;
    result =
        self.sizes() == sizes ? self.clone() : self.expand(sizes).clone(MemoryFormat::Contiguous);
  } else {
    result = out.make("masked_fill", sizes, self.scalar_type(), {mask, value_tensor});
  }
  {
    NoRecordGuard no_record;
    const Tensor wide = mask.expand(sizes);
    masked_fill_kernel(result.device(), out_view(result), in(wide), value);
  }
  record({.name = name,
          .outputs = {result},
          .inputs = {self, value_tensor},
          .save = {mask},
          .inplace = out.is_inplace(),
          .backward = [](Backward& b) {
            const Tensor& mask = b.saved(0);
            if (b.wants(0)) b.set(0, sum_to(b.grad().masked_fill(mask, 0), b.sizes(0)));
            if (b.wants(1)) b.set(1, sum_to(b.grad().masked_select(mask), b.sizes(1)));
          }});
  return result;
}

}  // namespace

namespace body {

Tensor masked_fill(Out out, const Tensor& self, const Tensor& mask, const Scalar& value) {
  return masked_fill_body("MaskedFillBackward0", out, self, mask, value, Tensor());
}

Tensor masked_fill(Out out, const Tensor& self, const Tensor& mask, const Tensor& value) {
  TAPER_CHECK_AS(ShapeError, value.dim() == 0,
                 "masked_fill: masked_fill only supports a 0-dimensional value tensor, but got "
                 "tensor with ",
                 value.dim(), " dimension(s).");
  return masked_fill_body("MaskedFillBackward1", out, self, mask, value.item(), value);
}

Tensor masked_scatter(Out out, const Tensor& self, const Tensor& mask, const Tensor& source) {
  check_mask("masked_scatter", mask);
  TAPER_CHECK_AS(DTypeError, self.scalar_type() == source.scalar_type(),
                 "masked_scatter: expected self and source to have same dtypes but got ",
                 self.scalar_type(), " and ", source.scalar_type());
  const DimVector sizes = broadcast_sizes(self.sizes(), mask.sizes());
  const Tensor wide = mask.expand(sizes);
  const int64_t count = count_nonzero_kernel(wide.device(), in(wide));
  TAPER_CHECK_AS(ShapeError, count <= source.numel(),
                 "masked_scatter: Number of elements of source < number of ones in mask, got ",
                 source.numel(), " and ", count);
  const auto copy = [&] {
    NoRecordGuard no_record;
    return self.expand(sizes).clone(MemoryFormat::Contiguous);
  };
  Tensor result = out.is_fresh()
                      ? copy()
                      : out.make("masked_scatter", sizes, self.scalar_type(), {mask, source});
  const Tensor values = source.detach().contiguous();
  masked_put_kernel(result.device(), out_view(result), in(wide), in(values));
  record({.name = "MaskedScatterBackward0",
          .outputs = {result},
          .inputs = {self, source},
          .save = {mask},
          .inplace = out.is_inplace(),
          .backward = [](Backward& b) {
            const Tensor& mask = b.saved(0);
            if (b.wants(0)) b.set(0, sum_to(b.grad().masked_fill(mask, 0), b.sizes(0)));
            if (!b.wants(1)) return;
            const Tensor used = b.grad().masked_select(mask);
            int64_t numel = 1;
            for (int64_t size : b.sizes(1)) numel *= size;
            // The source may be longer than what the mask took.
            b.set(1, put_strided(used, numel, int64_t{1}, 0).view(b.sizes(1)));
          }});
  return result;
}

}  // namespace body

Tensor nonzero(const Tensor& self) {
  const int64_t count = count_nonzero_kernel(self.device(), in(self));
  Tensor out = new_tensor("nonzero", {count, self.dim()}, kLong);
  nonzero_kernel(out.device(), out_view(out), in(self));
  return out;
}

std::vector<Tensor> nonzero_numpy(const Tensor& self) {
  if (self.dim() == 0) return self.unsqueeze(0).nonzero().unbind(1);
  return self.nonzero().unbind(1);
}

Tensor argwhere(const Tensor& self) { return nonzero(self); }

std::vector<Tensor> where(const Tensor& condition) { return nonzero_numpy(condition); }

namespace {

Tensor triangle_body(const char* op, const char* node, const Out& out, const Tensor& self,
                     int64_t diagonal, bool upper) {
  TAPER_CHECK_AS(ShapeError, self.dim() >= 2, op,
                 ": input tensor must have at least 2 dimensions, got sizes ", self.sizes());
  Tensor fresh = new_tensor(op, self.sizes(), self.scalar_type());
  triangle_kernel(fresh.device(), out_view(fresh), in(self), diagonal, upper);
  Tensor result = out.give(op, std::move(fresh), {self});
  record({.name = node,
          .outputs = {result},
          .inputs = {self},
          .inplace = out.is_inplace(),
          .backward = [diagonal, upper](Backward& b) {
            b.set(0, upper ? b.grad().triu(diagonal) : b.grad().tril(diagonal));
          }});
  return result;
}

}  // namespace

namespace body {

Tensor tril(Out out, const Tensor& self, int64_t diagonal) {
  return triangle_body("tril", "TrilBackward0", out, self, diagonal, false);
}

Tensor triu(Out out, const Tensor& self, int64_t diagonal) {
  return triangle_body("triu", "TriuBackward0", out, self, diagonal, true);
}

}  // namespace body
}  // namespace taper
