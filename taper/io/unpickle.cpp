#include "taper/io/unpickle.h"

#include "taper/base/error.h"
#include "taper/io/json_text.h"

namespace taper::io {
namespace {

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
    fail("the pickle is cut off after ", text_.size(), " bytes, expected ", count, " at byte ",
         at_);
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
  const Object object{
      .kind = kind, .size = static_cast<uint32_t>(size), .value = static_cast<int64_t>(at_)};
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

}  // namespace taper::io
