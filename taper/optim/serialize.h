#pragma once

#include "taper/io/archive.h"
#include "taper/optim/optimizer.h"

namespace taper TAPER_API {
namespace optim {

// What taper::save(optimizer, ...) and taper::load(optimizer, ...) use.
serialize::OutputArchive& operator<<(serialize::OutputArchive& archive, const Optimizer& optimizer);
serialize::InputArchive& operator>>(serialize::InputArchive& archive, Optimizer& optimizer);

}  // namespace optim
}  // namespace taper
