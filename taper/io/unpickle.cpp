#include "taper/io/unpickle.h"

#include <bit>

#include "taper/base/error.h"
#include "taper/io/json_text.h"

namespace taper::io {
namespace {

constexpr uint64_t kTensorCost = 16;    // objects, for its memory
constexpr uint64_t kContainerCost = 3;
// Steps that push what is there already cost less than new objects.
constexpr uint64_t kStepsPerObject = 4;

}  // namespace

Unpickler::Unpickler(std::string_view text, const StorageLoader& load, const std::string& where,
                     const TorchFileLimits& limits)
    : text_(text), load_(load), where_(where), limits_(limits) {}

IValue unpickle(std::string_view text, const StorageLoader& load, const std::string& where,
                const TorchFileLimits& limits) {
  return Unpickler(text, load, where, limits).run();
}

IValue Unpickler::run() {
  for (;;) {
    op_at_ = at_;
    const unsigned char op = *take(1);
    if (op == '.') break;
    if (++steps_ / kStepsPerObject > limits_.max_objects) {
      fail("more than ", steps_ - 1, " steps, refused (TorchFileLimits)");
    }
    step(op);
  }
  if (stack_.size() != 1 || !marks_.empty()) {
    fail("the pickle ends with ", stack_.size(), " values, expected one");
  }
  if (at_ != text_.size()) fail("bytes after the pickle's end");
  return copy(stack_[0], 0);
}

const unsigned char* Unpickler::take(size_t count) {
  if (count > text_.size() - at_) {
    fail("the pickle is cut off after ", text_.size(), " bytes, expected ", count, " at byte ", at_);
  }
  const auto* bytes = reinterpret_cast<const unsigned char*>(text_.data()) + at_;
  at_ += count;
  return bytes;
}

std::string_view Unpickler::line() {
  const size_t end = text_.find('\n', at_);
  if (end == text_.npos) fail("a name is cut off");
  const std::string_view name = text_.substr(at_, end - at_);
  at_ = end + 1;
  return name;
}

void Unpickler::push(Ref ref) { stack_.push_back(ref); }

Unpickler::Ref Unpickler::make(Object object, uint64_t cost) {
  objects_made_ += cost;
  if (objects_made_ > limits_.max_objects) {
    fail("more than ", limits_.max_objects, " objects, refused (TorchFileLimits)");
  }
  objects_.push_back(object);
  return static_cast<Ref>(objects_.size() - 1);
}

Unpickler::Ref Unpickler::make_container(Kind kind, std::vector<Ref> elements) {
  const int64_t index = static_cast<int64_t>(containers_.size());
  const Ref ref = make({.kind = kind, .value = index}, kContainerCost);
  containers_.push_back(std::move(elements));
  return ref;
}

Unpickler::Ref Unpickler::pop() {
  if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) fail("nothing on the stack");
  const Ref ref = stack_.back();
  stack_.pop_back();
  return ref;
}

std::vector<Unpickler::Ref> Unpickler::pop_to_mark() {
  if (marks_.empty()) fail("no mark on the stack");
  const auto begin = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
  std::vector<Ref> elements(begin, stack_.end());
  stack_.erase(begin, stack_.end());
  marks_.pop_back();
  return elements;
}

const Unpickler::Object& Unpickler::top() {
  if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) fail("nothing on the stack");
  return objects_[stack_.back()];
}

// One instruction; the names in comments are those of Python's pickletools. (Long: one switch.)
void Unpickler::step(unsigned char op) {
  switch (op) {
    case 0x80: {  // PROTO
      const int protocol = number<uint8_t>();
      if (protocol < 2 || protocol > 5) fail("pickle protocol ", protocol, ", expected 2 to 5");
      return;
    }
    case 0x95:  // FRAME
      if (number<uint64_t>() > text_.size() - at_) fail("a frame leaves the pickle");
      return;
    case 'N':  // NONE
      return push({.kind = Kind::none});
    case 0x88:  // NEWTRUE
    case 0x89:  // NEWFALSE
      return push({.kind = Kind::boolean, .value = op == 0x88});
    case 'J':  // BININT
      return push({.kind = Kind::integer, .value = number<int32_t>()});
    case 'K':  // BININT1
      return push({.kind = Kind::integer, .value = number<uint8_t>()});
    case 'M':  // BININT2
      return push({.kind = Kind::integer, .value = number<uint16_t>()});
    case 0x8a:  // LONG1
      return push_long();
    case 'G': {  // BINFLOAT
      uint64_t bits = 0;
      const unsigned char* from = take(8);
      for (int i = 0; i < 8; ++i) bits = bits << 8 | from[i];
      return push({.kind = Kind::real, .value = static_cast<int64_t>(bits)});
    }
    case 'X':  // BINUNICODE
    case 'T':  // BINSTRING
      return push_text(Kind::text, number<uint32_t>());
    case 0x8c:  // SHORT_BINUNICODE
    case 'U':   // SHORT_BINSTRING
      return push_text(Kind::text, number<uint8_t>());
    case 0x8d:  // BINUNICODE8
      return push_text(Kind::text, number<uint64_t>());
    case 'B':  // BINBYTES
      return push_text(Kind::bytes, number<uint32_t>());
    case 'C':  // SHORT_BINBYTES
      return push_text(Kind::bytes, number<uint8_t>());
    case 0x8e:  // BINBYTES8
      return push_text(Kind::bytes, number<uint64_t>());
    case '(':  // MARK
      return marks_.push_back(stack_.size());
    case ')':  // EMPTY_TUPLE
      return push_tuple(0);
    case 0x85:  // TUPLE1
    case 0x86:  // TUPLE2
    case 0x87:  // TUPLE3
      return push_tuple(op - 0x84u);
    case 't':  // TUPLE
      return push(make_container(Kind::tuple, pop_to_mark()));
    case ']':  // EMPTY_LIST
      return push(make_container(Kind::list, {}));
    case 'l':  // LIST
      return push(make_container(Kind::list, pop_to_mark()));
    case 'a':  // APPEND
      return add_to(Kind::list, {pop()});
    case 'e':  // APPENDS
      return add_to(Kind::list, pop_to_mark());
    case '}':  // EMPTY_DICT
      return push(make_container(Kind::dict, {}));
    case 'd': {  // DICT
      const std::vector<Ref> items = pop_to_mark();
      push(make_container(Kind::dict, {}));
      return add_to(Kind::dict, items);
    }
    case 's': {  // SETITEM
      const Ref value = pop(), key = pop();
      return add_to(Kind::dict, {key, value});
    }
    case 'u':  // SETITEMS
      return add_to(Kind::dict, pop_to_mark());
    case 'q':  // BINPUT
      return put(number<uint8_t>());
    case 'r':  // LONG_BINPUT
      return put(number<uint32_t>());
    case 0x94:  // MEMOIZE
      return put(memo_.size());
    case 'h':  // BINGET
      return get(number<uint8_t>());
    case 'j':  // LONG_BINGET
      return get(number<uint32_t>());
    case '2':  // DUP
      top();
      return push(stack_.back());
    case '0':  // POP
      pop();
      return;
    case 'c': {  // GLOBAL
      const std::string_view module = line();
      return push_global(module, line());
    }
    case 0x93: {  // STACK_GLOBAL
      const Ref name = pop(), module = pop();
      return push_global(text_of(module, "a module"), text_of(name, "a name"));
    }
    case 'Q':  // BINPERSID
      return load_storage();
    case 'R':  // REDUCE
      return call();
    case 'b':  // BUILD
      return build();
  }
  const bool printable = op > 0x20 && op < 0x7f;
  fail("the pickle's instruction ", op, printable ? str(" ('", static_cast<char>(op), "')") : "",
       " is not allowed: it could make other objects than tensors, containers and numbers");
}

void Unpickler::push_text(Kind kind, uint64_t size) {
  if (size > text_.size() - at_ || size > UINT32_MAX) {
    fail("the pickle is cut off: a text of ", size, " bytes at byte ", at_);
  }
  const Object object{.kind = kind,
                      .size = static_cast<uint32_t>(size),
                      .value = static_cast<int64_t>(at_)};
  take(static_cast<size_t>(size));
  if (kind == Kind::text && !is_utf8(text_.substr(at_ - object.size, object.size))) {
    fail("a text is not UTF-8");
  }
  push(object);
}

void Unpickler::push_long() {
  const size_t size = number<uint8_t>();
  const unsigned char* bytes = take(size);
  if (size > 8) fail("an integer of ", size, " bytes, expected at most 8");
  uint64_t value = 0;
  for (size_t i = size; i-- > 0;) value = value << 8 | bytes[i];
  const bool negative = size > 0 && (bytes[size - 1] & 0x80) != 0;
  if (negative && size < 8) value |= ~uint64_t{0} << (8 * size);
  push({.kind = Kind::integer, .value = static_cast<int64_t>(value)});
}

void Unpickler::push_tuple(size_t count) {
  std::vector<Ref> elements(count);
  for (size_t i = count; i-- > 0;) elements[i] = pop();
  push(make_container(Kind::tuple, std::move(elements)));
}

void Unpickler::put(uint64_t place) {
  top();
  if (place > limits_.max_objects) fail("memo ", place, " is out of range");
  if (place >= memo_.size()) memo_.resize(static_cast<size_t>(place) + 1, UINT32_MAX);
  memo_[static_cast<size_t>(place)] = stack_.back();
}

void Unpickler::get(uint64_t place) {
  if (place >= memo_.size() || memo_[static_cast<size_t>(place)] == UINT32_MAX) {
    fail("memo ", place, " is empty");
  }
  push(memo_[static_cast<size_t>(place)]);
}

void Unpickler::add_to(Kind kind, const std::vector<Ref>& elements) {
  const Object& object = top();
  if (object.kind != kind) fail("expected a ", kind == Kind::list ? "list" : "dict", " to add to");
  if (kind == Kind::dict) {
    if (elements.size() % 2 != 0) fail("a dict's key has no value");
    for (size_t i = 0; i < elements.size(); i += 2) {
      const Kind key = objects_[elements[i]].kind;
      if (key == Kind::list || key == Kind::dict || key == Kind::tensor || key == Kind::storage) {
        fail("a dict's key is a container or a tensor");
      }
    }
  }
  std::vector<Ref>& to = elements_of(object);
  to.insert(to.end(), elements.begin(), elements.end());
}

void Unpickler::push_global(std::string_view module, std::string_view name) {
  const PickleName known = find_pickle_name(module, name);
  if (known.global == PickleGlobal::none) {
    fail("the pickle asks for ", quote_name(str(module, ".", name)),
         ", which is not allowed: a file may hold tensors, containers, numbers and texts; save a "
         "state_dict() instead of a whole object");
  }
  push({.kind = Kind::global, .name = known});
}

// ('storage', its type, its key, the device, the number of elements)
void Unpickler::load_storage() {
  const std::vector<Ref> parts = elements_of(expect(pop(), Kind::tuple, "a storage's description"));
  if (parts.size() != 5 || text_of(parts[0], "a storage's description") != "storage") {
    fail("an unknown reference, expected one to a storage");
  }
  const PickleName type = expect(parts[1], Kind::global, "a storage's type").name;
  if (type.global != PickleGlobal::storage && type.global != PickleGlobal::untyped_storage) {
    fail("the type of a storage is no storage");
  }
  const std::string_view key = text_of(parts[2], "a storage's key");
  const int64_t count = expect(parts[4], Kind::integer, "a storage's size").value;
  if (count < 0) fail("a storage of ", count, " elements");
  const auto [found, is_new] = storage_keys_.emplace(key, storages_.size());
  if (is_new) {
    storages_.push_back({load_(key, type.dtype, static_cast<uint64_t>(count)), type.dtype, count});
  }
  const Storage& storage = storages_[found->second];
  if (storage.dtype != type.dtype || storage.count != count) {
    fail("storage ", quote_name(key), " is described in two ways");
  }
  push({.kind = Kind::storage, .value = static_cast<int64_t>(found->second)});
}

// Sets attributes; a state dict keeps its versions in _metadata, other attributes are passed over.
void Unpickler::build() {
  const Object& state = expect(pop(), Kind::dict, "an object's attributes");
  const Object& object = top();
  if (object.kind != Kind::dict) fail("attributes of an object that can have none");
  const std::vector<Ref>& items = elements_of(state);
  for (size_t i = 0; i < items.size(); i += 2) {
    if (text_of(items[i], "an attribute's name") == "_metadata") {
      metadata_[object.value] = items[i + 1];
    }
  }
}

void Unpickler::call() {
  const std::vector<Ref> args = elements_of(expect(pop(), Kind::tuple, "a call's arguments"));
  const PickleName name = expect(pop(), Kind::global, "what is called").name;
  auto count = [&](size_t least, size_t most) {
    if (args.size() < least || args.size() > most) fail("a call with ", args.size(), " arguments");
  };
  switch (name.global) {
    case PickleGlobal::ordered_dict:
      count(0, 0);
      return push(make_container(Kind::dict, {}));
    case PickleGlobal::counter:
      count(1, 1);
      expect(args[0], Kind::dict, "a Counter's content");
      return push(args[0]);
    case PickleGlobal::rebuild_tensor:
    case PickleGlobal::rebuild_tensor_v3:
      return call_tensor(name.global, args);
    case PickleGlobal::rebuild_parameter:
      return call_parameter(args);
    case PickleGlobal::size:
      count(1, 1);
      integers_of(args[0], "a torch.Size");
      return push(args[0]);
    case PickleGlobal::device:
      count(1, 2);
      text_of(args[0], "a device");
      return push(args[0]);
    case PickleGlobal::encode: {
      count(2, 2);
      Object object = objects_[args[0]];
      text_of(args[0], "encoded bytes");
      if (text_of(args[1], "an encoding") != "latin1") fail("bytes in another encoding than latin1");
      object.kind = Kind::latin;
      return push(object);
    }
    case PickleGlobal::empty_bytes:
      count(0, 0);
      return push({.kind = Kind::bytes});
    case PickleGlobal::storage:
    case PickleGlobal::untyped_storage:
    case PickleGlobal::dtype:
    case PickleGlobal::none:
      break;
  }
  fail("a call of what cannot be called");
}

// (storage, offset, sizes, strides, requires_grad, hooks[, dtype of version 3][, metadata])
void Unpickler::call_tensor(PickleGlobal global, const std::vector<Ref>& args) {
  const bool has_dtype = global == PickleGlobal::rebuild_tensor_v3;
  const size_t least = has_dtype ? 7 : 6;
  if (args.size() < least || args.size() > least + 1) fail("a tensor of ", args.size(), " parts");
  const Storage& storage =
      storages_[static_cast<size_t>(expect(args[0], Kind::storage, "a tensor's storage").value)];
  const int64_t offset = expect(args[1], Kind::integer, "a tensor's offset").value;
  const std::vector<int64_t> sizes = integers_of(args[2], "a tensor's sizes");
  const std::vector<int64_t> strides = integers_of(args[3], "a tensor's strides");
  const bool requires_grad = expect(args[4], Kind::boolean, "requires_grad").value != 0;
  ScalarType dtype = storage.dtype;
  if (has_dtype) {
    const PickleName name = expect(args[6], Kind::global, "a tensor's dtype").name;
    if (name.global != PickleGlobal::dtype) fail("a tensor's dtype is no dtype");
    dtype = name.dtype;
  }
  if (dtype == ScalarType::Undefined || (storage.dtype != ScalarType::Undefined && storage.dtype != dtype)) {
    fail("a tensor's type differs from its storage's");
  }
  if (sizes.size() != strides.size() || offset < 0) {
    fail("a tensor of sizes ", IntArrayRef(sizes), ", strides ", IntArrayRef(strides),
         " and offset ", offset);
  }
  if (const Kind hooks = objects_[args[5]].kind;
      hooks != Kind::none && !(hooks == Kind::dict && elements_of(objects_[args[5]]).empty())) {
    fail("a tensor with hooks");
  }
  const int64_t index = static_cast<int64_t>(tensors_.size());
  const Ref ref = make({.kind = Kind::tensor, .value = index}, kTensorCost);
  try {
    tensors_.emplace_back(
        TensorImpl::make("tensor", sizes, strides, dtype, storage.storage, offset));
  } catch (const ShapeError& error) {
    fail(error.what());
  }
  if (dtype == kBool && storage.dtype == ScalarType::Undefined) {
    const size_t bytes = storage.storage->nbytes();
    if (find_wrong_bool(storage.storage->data(), bytes) != bytes) {
      fail("a boolean is neither 0 nor 1");
    }
  }
  set_requires_grad(tensors_.back(), requires_grad);
  push(ref);
}

// (tensor, requires_grad, hooks)
void Unpickler::call_parameter(const std::vector<Ref>& args) {
  if (args.size() != 3) fail("a parameter of ", args.size(), " parts");
  const Object& tensor = expect(args[0], Kind::tensor, "a parameter's data");
  const bool requires_grad = expect(args[1], Kind::boolean, "requires_grad").value != 0;
  set_requires_grad(tensors_[static_cast<size_t>(tensor.value)], requires_grad);
  push(args[0]);
}

void Unpickler::set_requires_grad(const Tensor& tensor, bool requires_grad) const {
  if (requires_grad && !tensor.is_floating_point()) {
    fail("only tensors of floating point and complex dtype can require gradients, got ",
         tensor.scalar_type());
  }
  if (requires_grad || tensor.requires_grad()) tensor.set_requires_grad(requires_grad);
}

const Unpickler::Object& Unpickler::expect(Ref ref, Kind kind, const char* what) const {
  if (objects_[ref].kind != kind) fail(what, " is of the wrong kind");
  return objects_[ref];
}

std::string_view Unpickler::text_of(Ref ref, const char* what) const {
  const Object& object = expect(ref, Kind::text, what);
  return text_.substr(static_cast<size_t>(object.value), object.size);
}

std::vector<int64_t> Unpickler::integers_of(Ref ref, const char* what) const {
  const Object& object = expect(ref, Kind::tuple, what);
  std::vector<int64_t> values;
  for (const Ref element : containers_[static_cast<size_t>(object.value)]) {
    values.push_back(expect(element, Kind::integer, what).value);
  }
  return values;
}

// Objects that stand at several places are copied to each, which a hostile text could multiply.
void Unpickler::charge(uint64_t bytes) {
  tree_bytes_ += bytes;
  if (tree_bytes_ > limits_.max_tree_bytes + text_.size()) {
    fail("the values take more than ", limits_.max_tree_bytes + text_.size(),
         " bytes, refused (TorchFileLimits)");
  }
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
    case Kind::bytes: {
      charge(object.size);
      std::string text(text_.substr(static_cast<size_t>(object.value), object.size));
      return object.kind == Kind::text ? IValue(std::move(text)) : IValue::bytes(std::move(text));
    }
    case Kind::latin: {
      charge(object.size);
      std::string bytes;
      std::string_view characters = text_.substr(static_cast<size_t>(object.value), object.size);
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
      return IValue::bytes(std::move(bytes));
    }
    case Kind::list:
    case Kind::tuple: {
      std::vector<IValue> elements;
      const size_t count = elements_of(object).size();
      charge(count * sizeof(IValue));
      elements.reserve(count);
      for (size_t i = 0; i < count; ++i) elements.push_back(copy(elements_of(object)[i], depth + 1));
      return object.kind == Kind::list ? IValue::list(std::move(elements))
                                       : IValue::tuple(std::move(elements));
    }
    case Kind::dict:
      return copy_dict(object, depth);
    case Kind::tensor:
      return tensors_[static_cast<size_t>(object.value)];
    case Kind::global:
      if (object.name.global == PickleGlobal::dtype) return str("torch.", dtype_name(object.name.dtype));
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
