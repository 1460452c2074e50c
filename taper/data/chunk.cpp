#include "taper/data/chunk.h"

#include "taper/base/error.h"

namespace taper::data::datasets {

ChunkDatasetOptions::ChunkDatasetOptions(size_t preloader_count, size_t batch_size,
                                         size_t cache_size, size_t cross_chunk_shuffle_count)
    : preloader_count_(preloader_count),
      batch_size_(batch_size),
      cache_size_(cache_size),
      cross_chunk_shuffle_count_(cross_chunk_shuffle_count) {
  detail::checked(*this);
}

namespace detail {

const ChunkDatasetOptions& checked(const ChunkDatasetOptions& o) {
  TAPER_CHECK_AS(ConfigError, o.preloader_count() > 0,
                 "ChunkDataset: Preloader count is 0. At least one preloader needs to be "
                 "specified.");
  TAPER_CHECK_AS(ConfigError, o.batch_size() > 0,
                 "ChunkDataset: Batch size is 0. A positive batch size needs to be specified.");
  TAPER_CHECK_AS(ConfigError, o.cache_size() >= o.batch_size(),
                 "ChunkDataset: Cache size is less than batch size. Cache needs to be large enough "
                 "to hold at least one batch: got ",
                 o.cache_size(), ", expected ", o.batch_size(), " or more");
  TAPER_CHECK_AS(ConfigError, o.cross_chunk_shuffle_count() > 0,
                 "ChunkDataset: cross_chunk_shuffle_count needs to be greater than 0.");
  return o;
}

void check_chunk_request(bool started, size_t batch_size, size_t expected) {
  TAPER_CHECK(started, "ChunkDataset: Dataset needs to call reset() before calling get_batch().");
  TAPER_CHECK_AS(ConfigError, batch_size == expected,
                 "ChunkDataset: The requested batch size does not match with the initialized batch "
                 "size. The requested batch size is ",
                 batch_size, ", while the dataset is created with batch size equal to ", expected);
}

}  // namespace detail
}  // namespace taper::data::datasets
