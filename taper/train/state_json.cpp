#include "taper/train/state_json.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <unordered_map>

#include "taper/base/error.h"
#include "taper/base/file.h"
#include "taper/io/json_text.h"

// What JSON lacks is an object with one key of these: a tensor's name, a number that is not
// finite, a tuple, a dict whose keys are not all texts, bytes in hexadecimal digits.
namespace taper::train {
namespace {

using Json = nlohmann::ordered_json;
constexpr int kDeepest = 100;

class Writer {
 public:
  explicit Writer(StateTensors& tensors) : tensors_(tensors) {}

  void value(const IValue& value, const std::string& path, int depth) {
    TAPER_CHECK_AS(ConfigError, depth < kDeepest, "save_checkpoint: the state is nested more than ",
                   kDeepest, " deep");
    switch (value.kind()) {
      case IValue::Kind::None:
        text += "null";
        break;
      case IValue::Kind::Bool:
        text += value.toBool() ? "true" : "false";
        break;
      case IValue::Kind::Int:
        text += str(value.toInt());
        break;
      case IValue::Kind::Double:
        number(value.toDouble());
        break;
      case IValue::Kind::String:
        io::append_json_string(text, value.toStringRef());
        break;
      case IValue::Kind::Tensor:
        tensor(value.toTensor(), path);
        break;
      case IValue::Kind::List:
        list(value, path, depth);
        break;
      case IValue::Kind::Tuple:
        text += "{\"$tuple\": ";
        list(value, path, depth);
        text += '}';
        break;
      case IValue::Kind::Dict:
        dict(value, path, depth);
        break;
      case IValue::Kind::Bytes:
        bytes(value.toBytesRef());
        break;
    }
  }

  std::string text;
  std::string file;

 private:
  void number(double value) {
    const std::string digits = str(value);
    if (!std::isfinite(value)) {
      text += "{\"$float\": \"" + digits + "\"}";
      return;
    }
    text += digits;
    // It comes back as a float, not as an integer.
    if (digits.find_first_of(".e") == std::string::npos) text += ".0";
  }
  void tensor(const Tensor& tensor, const std::string& path) {
    std::string name = path.empty() ? "value" : path;
    for (int64_t i = 2; !used_.insert(file + '/' + name).second; ++i) name = str(path, '~', i);
    text += "{\"$tensor\": ";
    io::append_json_string(text, name);
    text += '}';
    tensors_[file].emplace_back(std::move(name), tensor);
  }
  void bytes(const std::string& bytes) {
    text += "{\"$bytes\": \"";
    for (const char c : bytes) {
      text += "0123456789abcdef"[(c >> 4) & 15];
      text += "0123456789abcdef"[c & 15];
    }
    text += "\"}";
  }
  void list(const IValue& value, const std::string& path, int depth) {
    text += '[';
    size_t i = 0;
    for (const IValue& element : value.toListRef()) {
      if (i != 0) text += ", ";
      this->value(element, joined(path, str(i)), depth + 1);
      ++i;
    }
    text += ']';
  }
  void dict(const IValue& value, const std::string& path, int depth) {
    bool plain = true;
    for (const auto& [key, item] : value.toGenericDict()) {
      plain = plain && key.isString() && !key.toStringRef().starts_with('$') &&
              io::is_utf8(key.toStringRef());
    }
    text += plain ? "{" : "{\"$items\": [";
    bool first = true;
    for (const auto& [key, item] : value.toGenericDict()) {
      if (!first) text += ", ";
      first = false;
      const std::string name = key.isString() ? key.toStringRef()
                               : key.isInt()  ? str(key.toInt())
                                              : std::string("key");
      if (!plain) text += '[';
      this->value(key, joined(path, name), depth + 1);
      text += plain ? ": " : ", ";
      this->value(item, joined(path, name), depth + 1);
      if (!plain) text += ']';
    }
    text += plain ? "}" : "]}";
  }
  static std::string joined(const std::string& path, const std::string& name) {
    return path.empty() ? name : path + '.' + name;
  }

  StateTensors& tensors_;
  std::set<std::string> used_;
};

class Reader {
 public:
  Reader(const std::string& where, const StateTensors* tensors) : where_(where) {
    if (tensors == nullptr) return;
    has_tensors_ = true;
    for (const auto& [file, named] : *tensors) {
      for (const auto& [name, tensor] : named) tensors_[file + '/' + name] = tensor;
    }
  }

  IValue value(const Json& json, int depth) {
    check(depth < kDeepest, "it is nested too deep");
    switch (json.type()) {
      case Json::value_t::null:
        return {};
      case Json::value_t::boolean:
        return json.get<bool>();
      case Json::value_t::number_integer:
        return json.get<int64_t>();
      case Json::value_t::number_unsigned:
        check(json.get<uint64_t>() <= std::numeric_limits<int64_t>::max(), "a number is too large");
        return static_cast<int64_t>(json.get<uint64_t>());
      case Json::value_t::number_float:
        return json.get<double>();
      case Json::value_t::string:
        return json.get_ref<const std::string&>();
      case Json::value_t::array:
        return IValue::list(elements(json, depth));
      case Json::value_t::object:
        return object(json, depth);
      default:
        check(false, "it holds a value of an unknown kind");
    }
    return {};
  }

  std::string file;

 private:
  void check(bool holds, const std::string& what) const {
    TAPER_CHECK_AS(IoError, holds, where_, ": ", what);
  }
  std::vector<IValue> elements(const Json& json, int depth) {
    check(json.is_array(), "expected a list");
    std::vector<IValue> elements;
    for (const Json& element : json) elements.push_back(value(element, depth + 1));
    return elements;
  }
  const std::string& text_of(const Json& json) {
    check(json.is_string(), "expected a text");
    return json.get_ref<const std::string&>();
  }
  IValue object(const Json& json, int depth) {
    if (json.size() == 1 && json.begin().key().starts_with('$')) {
      return special(json.begin().key(), json.begin().value(), depth);
    }
    IValue::Items items;
    for (const auto& [key, item] : json.items()) {
      check(!key.starts_with('$'), "an object has the key " + quote_name(key));
      items.emplace_back(key, value(item, depth + 1));
    }
    return IValue::dict(std::move(items));
  }
  IValue special(const std::string& key, const Json& json, int depth) {
    if (key == "$tensor") return tensor(text_of(json));
    if (key == "$tuple") return IValue::tuple(elements(json, depth));
    if (key == "$bytes") return bytes(text_of(json));
    if (key == "$items") {
      check(json.is_array(), "expected a list of items");
      IValue::Items items;
      for (const Json& item : json) {
        check(item.is_array() && item.size() == 2, "expected a key and a value");
        items.emplace_back(value(item[0], depth + 1), value(item[1], depth + 1));
      }
      return IValue::dict(std::move(items));
    }
    check(key == "$float", "an object has the key " + quote_name(key));
    const std::string& text = text_of(json);
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    if (text == "inf") return kInfinity;
    if (text == "-inf") return -kInfinity;
    check(text == "nan" || text == "-nan", "there is no number " + quote_name(text));
    return std::numeric_limits<double>::quiet_NaN();
  }
  IValue tensor(const std::string& name) {
    if (!has_tensors_) return {};
    const auto found = tensors_.find(file + '/' + name);
    check(found != tensors_.end(), "there is no tensor " + quote_name(name) + " in " + file);
    return found->second;
  }
  IValue bytes(const std::string& digits) {
    std::string bytes;
    const auto digit = [&](char c) {
      const size_t at = std::string_view("0123456789abcdef").find(c);
      check(at != std::string_view::npos, "bytes are not hexadecimal digits");
      return static_cast<int>(at);
    };
    check(digits.size() % 2 == 0, "bytes are half given");
    for (size_t i = 0; i < digits.size(); i += 2) {
      bytes += static_cast<char>(digit(digits[i]) * 16 + digit(digits[i + 1]));
    }
    return IValue::bytes(std::move(bytes));
  }

  const std::string& where_;
  bool has_tensors_ = false;
  std::unordered_map<std::string, Tensor> tensors_;
};

}  // namespace

std::string tensor_file_of(const std::string& key) {
  return (key == "model" || key == "ema" || key == "optimizer" ? key : std::string("state")) +
         ".safetensors";
}

std::string write_state_json(const IValue& tree, StateTensors& tensors) {
  TAPER_CHECK_AS(ConfigError, tree.isGenericDict(),
                 "save_checkpoint: expected a dict of states, got ", tree.type_name());
  Writer writer(tensors);
  writer.text = "{";
  for (const auto& [key, item] : tree.toGenericDict()) {
    TAPER_CHECK_AS(ConfigError, key.isString() && !key.toStringRef().starts_with('$'),
                   "save_checkpoint: expected texts as the keys of states, without $ at the start");
    if (writer.text.size() > 1) writer.text += ",\n";
    io::append_json_string(writer.text, key.toStringRef());
    writer.text += ": ";
    writer.file = tensor_file_of(key.toStringRef());
    const bool has_own = writer.file != "state.safetensors";
    writer.value(item, has_own ? std::string() : key.toStringRef(), 1);
  }
  return writer.text + "}";
}

IValue read_state_json(const std::string& where, const std::string& text,
                       const StateTensors* tensors) {
  Json json;
  try {
    json = Json::parse(text);
  } catch (const Json::exception& error) {
    detail::fail<IoError>(where, ": ", error.what());
  }
  TAPER_CHECK_AS(IoError, json.is_object(), where, ": expected an object");
  Reader reader(where, tensors);
  IValue::Items items, states;
  for (const auto& [key, item] : json.items()) {
    if (key == "state" && item.is_object()) continue;
    items.emplace_back(key, reader.value(item, 1));
  }
  if (const auto found = json.find("state"); found != json.end() && found->is_object()) {
    for (const auto& [key, item] : found->items()) {
      reader.file = tensor_file_of(key);
      states.emplace_back(key, reader.value(item, 2));
    }
    items.emplace_back("state", IValue::dict(std::move(states)));
  }
  return IValue::dict(std::move(items));
}

}  // namespace taper::train
