#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "taper/tensor/tensor.h"

namespace taper TAPER_API {
namespace indexing {

inline constexpr int64_t INDEX_MIN = INT64_MIN;
inline constexpr int64_t INDEX_MAX = INT64_MAX;

enum class TensorIndexType { None, Ellipsis, Integer, Boolean, Slice, Tensor };

/// A new dimension of size 1.
inline constexpr std::nullopt_t None = std::nullopt;
struct EllipsisIndexType {};
/// As many full slices as there are dimensions without an index.
inline constexpr EllipsisIndexType Ellipsis{};

/// Python's start:stop:step; what is None reaches to the end. Steps must be positive.
class Slice {
 public:
  Slice(std::optional<int64_t> start = std::nullopt, std::optional<int64_t> stop = std::nullopt,
        std::optional<int64_t> step = std::nullopt);

  int64_t start() const { return start_; }
  int64_t stop() const { return stop_; }
  int64_t step() const { return step_; }

 private:
  int64_t start_, stop_, step_;
};

/// One entry of an index: None, Ellipsis (or "..."), a number, a truth value, a Slice or a tensor
/// (integers, or a mask of bool or uint8).
struct TensorIndex {
  TensorIndex(std::nullopt_t) : type_(TensorIndexType::None) {}
  TensorIndex(EllipsisIndexType) : type_(TensorIndexType::Ellipsis) {}
  /// Only "...".
  TensorIndex(const char* text);
  template <class T>
  requires std::is_integral_v<T> TensorIndex(T value)
      : type_(std::is_same_v<T, bool> ? TensorIndexType::Boolean : TensorIndexType::Integer),
        integer_(static_cast<int64_t>(value)) {}
  TensorIndex(Slice slice) : type_(TensorIndexType::Slice), slice_(slice) {}
  TensorIndex(Tensor tensor) : type_(TensorIndexType::Tensor), tensor_(std::move(tensor)) {}

  bool is_none() const { return type_ == TensorIndexType::None; }
  bool is_ellipsis() const { return type_ == TensorIndexType::Ellipsis; }
  bool is_integer() const { return type_ == TensorIndexType::Integer; }
  bool is_boolean() const { return type_ == TensorIndexType::Boolean; }
  bool is_slice() const { return type_ == TensorIndexType::Slice; }
  bool is_tensor() const { return type_ == TensorIndexType::Tensor; }
  int64_t integer() const { return integer_; }
  bool boolean() const { return integer_ != 0; }
  const Slice& slice() const { return slice_; }
  const Tensor& tensor() const { return tensor_; }

 private:
  TensorIndexType type_;
  int64_t integer_ = 0;
  Slice slice_;
  Tensor tensor_;
};

// As LibTorch prints them: 1:9223372036854775807:2, (1, ..., None).
void append(std::string& s, const Slice& slice);
void append(std::string& s, const TensorIndex& index);
void append(std::string& s, const std::vector<TensorIndex>& indices);
std::ostream& operator<<(std::ostream& out, const Slice& slice);
std::ostream& operator<<(std::ostream& out, const TensorIndex& index);
std::ostream& operator<<(std::ostream& out, const std::vector<TensorIndex>& indices);

}  // namespace indexing

}  // namespace taper
