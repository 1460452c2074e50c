#include "taper/core/storage.h"

#include <new>

#include "taper/core/thread_cache.h"

namespace taper {
namespace {

// A small storage and its bytes share one block: one allocation less per tensor.
constexpr size_t kHeader = 64;
constexpr size_t kInlineLimit = 4096;
static_assert(sizeof(StorageImpl) <= kHeader);

}  // namespace

StorageImpl* StorageImpl::create(size_t bytes) {
  StorageImpl* storage;
  if (bytes <= kInlineLimit) {
    char* block = static_cast<char*>(detail::allocate(kHeader + bytes));
    storage = new (block) StorageImpl(block + kHeader, bytes, Device());
    storage->owner_ = Owner::inline_block;
  } else {
    void* data = detail::allocate(bytes);
    void* header;
    try {
      header = detail::allocate(kHeader);
    } catch (...) {
      detail::deallocate(data, bytes);
      throw;
    }
    storage = new (header) StorageImpl(data, bytes, Device());
    storage->owner_ = Owner::own_block;
  }
  detail::count_storage(1);
  return storage;
}

StorageImpl* StorageImpl::wrap(void* data, size_t bytes, Device device, Deleter deleter,
                               void* context) {
  StorageImpl* storage = new (detail::allocate(kHeader)) StorageImpl(data, bytes, device);
  storage->deleter_ = deleter;
  storage->context_ = context;
  detail::count_storage(1);
  return storage;
}

void StorageImpl::destroy(StorageImpl* storage) noexcept {
  const Owner owner = storage->owner_;
  const size_t bytes = storage->bytes_;
  if (storage->deleter_ != nullptr) storage->deleter_(storage->context_);
  if (owner == Owner::own_block) detail::deallocate(storage->data_, bytes);
  storage->~StorageImpl();
  detail::deallocate(storage, owner == Owner::inline_block ? kHeader + bytes : kHeader);
  detail::count_storage(-1);
}

}  // namespace taper
