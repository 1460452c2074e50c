#pragma once

#include <cstdint>
#include <string>
#include <type_traits>

#include "taper/base/macros.h"

namespace taper TAPER_API {

/// The words that options take, LibTorch's names: kMean is the value of type enumtype::kMean.
#define TAPER_ENUM_DECLARE(name)                   \
  namespace enumtype {                             \
  struct k##name {                                 \
    static constexpr const char* text = "k" #name; \
  };                                               \
  }                                                \
  inline constexpr enumtype::k##name k##name {}

TAPER_ENUM_DECLARE(Linear);
TAPER_ENUM_DECLARE(Conv1D);
TAPER_ENUM_DECLARE(Conv2D);
TAPER_ENUM_DECLARE(Conv3D);
TAPER_ENUM_DECLARE(ConvTranspose1D);
TAPER_ENUM_DECLARE(ConvTranspose2D);
TAPER_ENUM_DECLARE(ConvTranspose3D);
TAPER_ENUM_DECLARE(Sigmoid);
TAPER_ENUM_DECLARE(Tanh);
TAPER_ENUM_DECLARE(ReLU);
TAPER_ENUM_DECLARE(GELU);
TAPER_ENUM_DECLARE(SiLU);
TAPER_ENUM_DECLARE(LeakyReLU);
TAPER_ENUM_DECLARE(FanIn);
TAPER_ENUM_DECLARE(FanOut);
TAPER_ENUM_DECLARE(None);
TAPER_ENUM_DECLARE(Mean);
TAPER_ENUM_DECLARE(Sum);
TAPER_ENUM_DECLARE(BatchMean);
TAPER_ENUM_DECLARE(Valid);
TAPER_ENUM_DECLARE(Same);
TAPER_ENUM_DECLARE(Max);
TAPER_ENUM_DECLARE(Zeros);
TAPER_ENUM_DECLARE(Constant);
TAPER_ENUM_DECLARE(Reflect);
TAPER_ENUM_DECLARE(Replicate);
TAPER_ENUM_DECLARE(Circular);
TAPER_ENUM_DECLARE(Border);
TAPER_ENUM_DECLARE(Reflection);
TAPER_ENUM_DECLARE(Nearest);
TAPER_ENUM_DECLARE(NearestExact);
TAPER_ENUM_DECLARE(Bilinear);
TAPER_ENUM_DECLARE(Bicubic);
TAPER_ENUM_DECLARE(Trilinear);
TAPER_ENUM_DECLARE(Area);
#undef TAPER_ENUM_DECLARE

/// One of several words.
template <class... Tags>
class Choice {
 public:
  template <class Tag>
  requires(std::is_same_v<Tag, Tags> || ...) constexpr Choice(Tag) : index_(index_of<Tag>()) {}

  template <class Tag>
  constexpr bool is() const {
    return index_ == index_of<Tag>();
  }
  /// The word's position in the list.
  constexpr int64_t index() const { return index_; }
  const char* text() const {
    constexpr const char* texts[] = {Tags::text...};
    return texts[index_];
  }
  friend constexpr bool operator==(Choice a, Choice b) { return a.index_ == b.index_; }

 private:
  template <class Tag>
  static constexpr int64_t index_of() {
    int64_t i = 0;
    (void)((std::is_same_v<Tag, Tags> ? false : (++i, true)) && ...);
    return i;
  }

  int64_t index_;
};

template <class... Tags>
void append(std::string& s, Choice<Tags...> choice) {
  s += choice.text();
}

namespace nn {
/// How a loss joins the losses of the elements; the positions are those that ops take.
using ReductionType = Choice<enumtype::kNone, enumtype::kMean, enumtype::kSum>;
}  // namespace nn

}  // namespace taper
