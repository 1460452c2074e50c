#pragma once

#include <string>

#include "taper/tensor/ivalue.h"
#include "tests/support/op_case.h"

namespace taper::testing {

/// Everything about a value in one text: kinds, sizes, strides, offsets and elements.
inline std::string to_text(const IValue& value) {
  const auto join = [](const auto& values, const auto& one) {
    std::string text;
    for (const auto& item : values) text += (text.empty() ? "" : ", ") + one(item);
    return text;
  };
  switch (value.kind()) {
    case IValue::Kind::None:
      return "None";
    case IValue::Kind::Bool:
      return value.toBool() ? "True" : "False";
    case IValue::Kind::Int:
      return str(value.toInt());
    case IValue::Kind::Double:
      return str("float ", value.toDouble());
    case IValue::Kind::String:
      return "'" + value.toStringRef() + "'";
    case IValue::Kind::Bytes: {
      std::string text;
      for (const char c : value.toBytesRef()) {
        text += 'x';
        text += "0123456789abcdef"[c >> 4 & 15];
        text += "0123456789abcdef"[c & 15];
      }
      return "bytes '" + text + "'";
    }
    case IValue::Kind::List:
    case IValue::Kind::Tuple:
      return str(value.type_name(), "[", join(value.toListRef(), to_text), "]");
    case IValue::Kind::Dict:
      return "dict{" +
             join(value.toGenericDict(),
                  [](const auto& item) {
                    return to_text(item.first) + ": " + to_text(item.second);
                  }) +
             "}";
    case IValue::Kind::Tensor:
      break;
  }
  const Tensor& tensor = value.toTensor();
  const std::string strides = join(tensor.strides(), [](int64_t stride) { return str(stride); });
  const std::string elements =
      join(to_dense(tensor).values, [](double element) { return str(element); });
  return str(toString(tensor.scalar_type()), tensor.sizes(), "(", strides, ")@",
             tensor.storage_offset(), " {", elements, "}");
}

}  // namespace taper::testing
