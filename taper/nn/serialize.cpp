#include "taper/nn/serialize.h"

#include "taper/base/error.h"
#include "taper/base/file.h"

namespace taper::nn {

StateDict::StateDict(const IValue& value) {
  TAPER_CHECK_AS(IoError, value.isGenericDict(), "state_dict: got a ", value.type_name(),
                 ", expected a dict of tensors");
  for (const auto& [key, item] : value.toGenericDict()) {
    TAPER_CHECK_AS(
        IoError, key.isString() && item.isTensor(), "state_dict: key ",
        key.isString() ? quote_name(key.toStringRef()) : str("of type ", key.type_name()),
        " stands for a ", item.type_name(), ", expected names of tensors");
    insert(key.toStringRef(), item.toTensor());
  }
  const IValue* metadata = value.metadata();
  if (metadata == nullptr || !metadata->isGenericDict()) return;
  for (const auto& [path, entry] : metadata->toGenericDict()) {
    const IValue* version = entry.isGenericDict() ? entry.find("version") : nullptr;
    if (!path.isString() || version == nullptr || !version->isInt()) continue;
    set_version(path.toStringRef(), version->toInt());
  }
}

IValue StateDict::to_ivalue() const {
  IValue::Items items, versions;
  for (const auto& item : *this) items.emplace_back(item.key(), item.value());
  for (const auto& item : versions_) {
    versions.emplace_back(item.key(), IValue::dict({{"version", item.value()}}));
  }
  IValue value = IValue::dict(std::move(items));
  value.set_metadata(IValue::dict(std::move(versions)));
  return value;
}

void Module::save(serialize::OutputArchive& archive) const {
  archive.write(state_dict().to_ivalue());
}

void Module::load(serialize::InputArchive& archive) { load_state_dict(StateDict(archive.value())); }

serialize::OutputArchive& operator<<(serialize::OutputArchive& archive, const Module& module) {
  module.save(archive);
  return archive;
}

serialize::InputArchive& operator>>(serialize::InputArchive& archive, Module& module) {
  module.load(archive);
  return archive;
}

}  // namespace taper::nn
