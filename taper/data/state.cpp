#include "taper/data/state.h"

#include "taper/base/error.h"
#include "taper/ops/creation.h"
#include "taper/ops/random.h"

namespace taper::data {

void write_count(serialize::OutputArchive& archive, const char* name, uint64_t value) {
  archive.write(name, IValue(static_cast<int64_t>(value)));
}

int64_t read_int(const serialize::InputArchive& archive, const char* name) {
  IValue value;
  TAPER_CHECK_AS(ConfigError, archive.try_read(name, value) && value.isInt(),
                 "load: the state has no integer '", name, "'");
  return value.toInt();
}

uint64_t draw_seed(const Generator& generator) {
  Tensor seed = empty({}, TensorOptions(kLong));
  random_(seed, generator);
  return static_cast<uint64_t>(*seed.const_data_ptr<int64_t>());
}

}  // namespace taper::data
