#pragma once

#include <memory>
#include <type_traits>

#include "taper/io/archive.h"
#include "taper/nn/module.h"
#include "taper/nn/module_holder.h"

namespace taper TAPER_API {
namespace nn {

// What taper::save(module, ...) and taper::load(module, ...) use: modules, holders and shared
// pointers to modules.
serialize::OutputArchive& operator<<(serialize::OutputArchive& archive, const Module& module);
serialize::InputArchive& operator>>(serialize::InputArchive& archive, Module& module);

template <class Contained>
serialize::OutputArchive& operator<<(serialize::OutputArchive& archive,
                                     const ModuleHolder<Contained>& holder) {
  return archive << static_cast<const Module&>(*holder);
}
template <class Contained>
serialize::InputArchive& operator>>(serialize::InputArchive& archive,
                                    ModuleHolder<Contained>& holder) {
  return archive >> static_cast<Module&>(*holder);
}
template <class M>
requires std::is_base_of_v<Module, M> serialize::OutputArchive& operator<<(
    serialize::OutputArchive& archive, const std::shared_ptr<M>& module) {
  TAPER_CHECK(module != nullptr, "save: the module is null");
  return archive << static_cast<const Module&>(*module);
}
template <class M>
requires std::is_base_of_v<Module, M> serialize::InputArchive& operator>>(
    serialize::InputArchive& archive, std::shared_ptr<M>& module) {
  TAPER_CHECK(module != nullptr, "load: the module is null");
  return archive >> static_cast<Module&>(*module);
}

}  // namespace nn
}  // namespace taper
