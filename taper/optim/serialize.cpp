#include "taper/optim/serialize.h"

namespace taper::optim {

void Optimizer::save(serialize::OutputArchive& archive) const { archive.write(state_dict()); }

void Optimizer::load(serialize::InputArchive& archive) { load_state_dict(archive.value()); }

serialize::OutputArchive& operator<<(serialize::OutputArchive& archive,
                                     const Optimizer& optimizer) {
  optimizer.save(archive);
  return archive;
}

serialize::InputArchive& operator>>(serialize::InputArchive& archive, Optimizer& optimizer) {
  optimizer.load(archive);
  return archive;
}

}  // namespace taper::optim
