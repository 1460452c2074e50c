#include "taper/ops/memory.h"

#include "taper/autograd/forward.h"
#include "taper/autograd/grad_mode.h"
#include "taper/autograd/variable.h"
#include "taper/ops/op_util.h"

namespace taper {
namespace {

/// Makes self refer to other's memory; no longer a view of what it was a view of.
Tensor& take_memory(const char* op, Tensor& self, const TensorImpl& other) {
  check_inplace(op, self.impl(), false);
  self.impl().bump_version();
  // Whoever saved self for backward knows a version of the old memory: the new one's is later.
  const uint32_t version = self.impl().version();
  if (other.storage() != self.impl().storage()) {
    while (other.version() <= version) other.bump_version();
  }
  drop_tangent(self.impl());
  TensorImpl& impl = *self.impl_ptr();
  impl.adopt(other);
  impl.set_base({});
  impl.set_view_kind(ViewKind::kPlain);
  return self;
}

void check_set(const char* op, const Tensor& self, const Tensor& source) {
  TAPER_CHECK(!self.requires_grad() && !source.requires_grad(), op,
              ": cannot set the memory of variables that require grad, nor to theirs");
  TAPER_CHECK_AS(DTypeError, self.scalar_type() == source.scalar_type(), op,
                 ": expected a source of self's dtype ", self.scalar_type(), ", but got ",
                 source.scalar_type());
}

}  // namespace

Tensor& resize_(Tensor& self, IntArrayRef size, std::optional<MemoryFormat> memory_format) {
  TAPER_CHECK(!self.requires_grad(), "resize_: cannot resize variables that require grad");
  const TensorImpl& old = self.impl();
  const int64_t item = elementSize(old.dtype()), offset = old.storage_offset();
  checked_numel("resize_", size, item);
  const DimVector sizes(size);
  const MemoryFormat format = memory_format.value_or(MemoryFormat::Contiguous);
  if (!memory_format && self.sizes() == sizes) return self;
  TAPER_CHECK(format != MemoryFormat::Preserve,
              "resize_: Unsupported memory format Preserve, expected another");
  const DimVector strides = strides_of("resize_", sizes, format);
  const int64_t bytes = checked_extent("resize_", sizes, strides, offset, item);
  const int64_t held = static_cast<int64_t>(old.storage()->nbytes());
  if (bytes <= held) {
    check_inplace("resize_", old, false);
    old.bump_version();
    self.impl_ptr()->set_geometry("resize_", sizes, strides, offset);
    return self;
  }
  NoRecordGuard no_record;
  const TensorImplPtr grown =
      TensorImpl::make("resize_", sizes, strides, old.dtype(), nullptr, offset);
  const int64_t count = held / item - offset;
  if (count > 0) {
    const auto elements = [&](const StoragePtr& storage) {
      return Tensor(TensorImpl::make("resize_", count, 1, old.dtype(), storage, offset));
    };
    elements(grown->storage()).copy_(elements(old.storage()));
  }
  return take_memory("resize_", self, *grown);
}

Tensor& resize_as_(Tensor& self, const Tensor& other, std::optional<MemoryFormat> memory_format) {
  return resize_(self, other.sizes(), memory_format);
}

Tensor& set_(Tensor& self) { return set_(self, new_tensor("set_", 0, self.scalar_type())); }

Tensor& set_(Tensor& self, const Tensor& source) {
  check_set("set_", self, source);
  return self.is_same(source) ? self : take_memory("set_", self, source.impl());
}

Tensor& set_(Tensor& self, const Tensor& source, int64_t storage_offset, IntArrayRef size,
             IntArrayRef stride) {
  check_set("set_", self, source);
  checked_numel("set_", size, self.element_size());
  const DimVector strides = stride.empty() ? contiguous_strides(size) : DimVector(stride);
  const TensorImplPtr geometry = TensorImpl::make("set_", size, strides, self.scalar_type(),
                                                  source.impl().storage(), storage_offset);
  return take_memory("set_", self, *geometry);
}

}  // namespace taper
