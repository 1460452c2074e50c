// The values that a pickle's objects stand for.
#include <bit>

#include "taper/base/error.h"
#include "taper/io/unpickle.h"

namespace taper::io {

// Objects that stand at several places are copied to each, which a hostile text could multiply.
void Unpickler::charge(uint64_t bytes) {
  tree_bytes_ += bytes;
  if (tree_bytes_ > limits_.max_tree_bytes + text_.size()) {
    fail("the values take more than ", limits_.max_tree_bytes + text_.size(),
         " bytes, refused (TorchFileLimits)");
  }
}

std::string_view Unpickler::charged_text(const Object& object) {
  charge(object.size);
  return text_.substr(static_cast<size_t>(object.value), object.size);
}

// Bytes that protocol 2 writes as the characters U+0000 to U+00FF.
std::string Unpickler::decode_latin(std::string_view characters) const {
  std::string bytes;
  for (size_t i = 0; i < characters.size(); ++i) {
    const unsigned char c = static_cast<unsigned char>(characters[i]);
    // U+0080 to U+00FF take two bytes, the first of which is C2 or C3.
    if (c < 0x80) {
      bytes += static_cast<char>(c);
    } else if (c <= 0xc3) {
      bytes += static_cast<char>((c & 3) << 6 | (characters[++i] & 0x3f));
    } else {
      fail("encoded bytes hold a character beyond latin1");
    }
  }
  return bytes;
}

std::vector<IValue> Unpickler::copy_elements(const Object& object, int depth) {
  const std::vector<Ref>& elements = elements_of(object);
  charge(elements.size() * sizeof(IValue));
  std::vector<IValue> values;
  values.reserve(elements.size());
  for (const Ref element : elements) values.push_back(copy(element, depth + 1));
  return values;
}

IValue Unpickler::copy(Ref ref, int depth) {
  if (depth > kMaxPickleDepth) {
    fail("containers stand more than ", kMaxPickleDepth, " deep in each other, or in themselves");
  }
  charge(sizeof(IValue));
  const Object object = objects_[ref];
  switch (object.kind) {
    case Kind::none:
      return {};
    case Kind::boolean:
      return object.value != 0;
    case Kind::integer:
      return object.value;
    case Kind::real:
      return std::bit_cast<double>(object.value);
    case Kind::text:
      return std::string(charged_text(object));
    case Kind::bytes:
      return IValue::bytes(std::string(charged_text(object)));
    case Kind::latin:
      return IValue::bytes(decode_latin(charged_text(object)));
    case Kind::list:
      return IValue::list(copy_elements(object, depth));
    case Kind::tuple:
      return IValue::tuple(copy_elements(object, depth));
    case Kind::dict:
      return copy_dict(object, depth);
    case Kind::tensor:
      return tensors_[static_cast<size_t>(object.value)];
    case Kind::global:
      if (object.name.global == PickleGlobal::dtype) {
        return str("torch.", dtype_name(object.name.dtype));
      }
      break;
    case Kind::storage:
      break;
  }
  fail("a bare storage or class, expected tensors, containers, numbers and texts");
}

// A key that comes again replaces the value, as in Python.
IValue Unpickler::copy_dict(const Object& object, int depth) {
  IValue::Items items;
  std::unordered_map<std::string_view, size_t> texts;
  std::unordered_map<int64_t, size_t> integers;
  const std::vector<Ref>& elements = elements_of(object);
  charge(elements.size() * sizeof(IValue));
  items.reserve(elements.size() / 2);
  for (size_t i = 0; i < elements.size(); i += 2) {
    const Object key = objects_[elements[i]];
    size_t place = items.size();
    if (key.kind == Kind::text) {
      place = texts.emplace(text_of(elements[i], "a key"), place).first->second;
    } else if (key.kind == Kind::integer) {
      place = integers.emplace(key.value, place).first->second;
    }
    IValue value = copy(elements[i + 1], depth + 1);
    if (place < items.size()) {
      items[place].second = std::move(value);
    } else {
      items.emplace_back(copy(elements[i], depth + 1), std::move(value));
    }
  }
  IValue dict = IValue::dict(std::move(items));
  if (const auto found = metadata_.find(object.value); found != metadata_.end()) {
    dict.set_metadata(copy(found->second, depth + 1));
  }
  return dict;
}

}  // namespace taper::io
