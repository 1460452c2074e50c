#include "tests/oracle/case_file.h"

#include <cstring>
#include <fstream>
#include <iterator>

namespace taper::oracle {

CaseFile::CaseFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw BadCase{"cannot read " + path};
  bytes_.assign(std::istreambuf_iterator<char>(file), {});
}

template <class T>
T CaseFile::number() {
  if (bytes_.size() - at_ < sizeof(T)) throw BadCase{"the file of cases ends early"};
  T result;
  std::memcpy(&result, bytes_.data() + at_, sizeof(T));
  at_ += sizeof(T);
  return result;
}

std::string CaseFile::text() {
  const auto size = number<uint32_t>();
  if (bytes_.size() - at_ < size) throw BadCase{"the file of cases ends early"};
  at_ += size;
  return bytes_.substr(at_ - size, size);
}

// Type, whether its gradient is wanted, sizes, strides, and the elements of its memory.
Tensor CaseFile::tensor() {
  const ScalarType type = type_named(text());
  const bool marked = number<uint8_t>() != 0;
  std::vector<int64_t> sizes(number<uint32_t>()), strides(sizes.size());
  for (int64_t& size : sizes) size = number<int64_t>();
  for (int64_t& stride : strides) stride = number<int64_t>();
  const std::string memory = text();
  const auto elements = static_cast<int64_t>(memory.size()) / elementSize(type);
  Tensor flat = empty({elements}, type);
  if (elements > 0) std::memcpy(flat.data_ptr(), memory.data(), memory.size());
  Tensor result = flat.as_strided(sizes, strides);
  if (marked) {
    result.set_requires_grad(true);
    marked_.push_back(result);
  }
  return result;
}

IValue CaseFile::value() {
  const auto list = [&] {
    std::vector<IValue> values(number<uint32_t>());
    for (IValue& each : values) each = value();
    return values;
  };
  switch (number<char>()) {
    case 'n':
      return {};
    case 'b':
      return number<uint8_t>() != 0;
    case 'i':
      return number<int64_t>();
    case 'd':
      return number<double>();
    case 's':
      return text();
    case 't':
      return tensor();
    case 'l':
      return IValue::list(list());
    case 'm': {
      IValue map = IValue::dict();
      for (auto count = number<uint32_t>(); count > 0; --count) {
        std::string key = text();
        map.insert(std::move(key), value());
      }
      return map;
    }
    default:
      throw BadCase{"no such tag in the file of cases"};
  }
}

std::vector<IValue> CaseFile::list(const IValue* found) const {
  return found ? found->toListRef() : std::vector<IValue>();
}

std::optional<Case> CaseFile::next() {
  if (at_ == bytes_.size()) return std::nullopt;
  marked_.clear();
  const IValue map = value();
  const auto flag = [&](const char* key) { return map.find(key) != nullptr; };
  Case result;
  result.id = map.at("id").toInt();
  result.call = map.at("call").toStringRef();
  result.arguments = list(&map.at("arguments"));
  result.outputs = list(map.find("outputs"));
  result.grad_outputs = list(map.find("grad_outputs"));
  result.gradients = list(map.find("gradients"));
  result.inputs = marked_;
  result.exact = list(map.find("exact"));
  if (flag("atol")) result.atol = map.at("atol").toDouble();
  result.magnitudes = flag("magnitudes");
  result.symmetric = flag("symmetric");
  result.shapes = flag("shapes");
  result.views = flag("views");
  if (flag("fails")) result.fails = map.at("fails").toStringRef();
  return result;
}

}  // namespace taper::oracle
