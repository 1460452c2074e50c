#include "taper/train/number_text.h"

#include "taper/base/error.h"

namespace taper::train {

std::string grouped(int64_t value) {
  std::string text = str(value);
  const size_t first = text[0] == '-' ? 1 : 0;
  for (size_t at = text.size(); at > first + 3;) text.insert(at -= 3, ",");
  return text;
}

}  // namespace taper::train
