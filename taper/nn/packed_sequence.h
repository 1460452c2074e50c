#pragma once

#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "taper/tensor/tensor.h"

namespace taper TAPER_API {
namespace nn::utils::rnn {

/// Sequences of several lengths as recurrent layers take them: the first elements of all, longest
/// sequence first, then the second ones, and so on. pack_padded_sequence() and pack_sequence() make
/// it.
class PackedSequence {
 public:
  PackedSequence() = default;
  /// sorted_indices puts the caller's sequences into order of length, unsorted_indices undoes that;
  /// undefined where they were in order. Without the second it is made of the first.
  explicit PackedSequence(Tensor data, Tensor batch_sizes, Tensor sorted_indices = {},
                          Tensor unsorted_indices = {});

  /// The elements [rows, *].
  const Tensor& data() const { return data_; }
  /// How many sequences have a first element, a second and so on.
  const Tensor& batch_sizes() const { return batch_sizes_; }
  const Tensor& sorted_indices() const { return sorted_indices_; }
  const Tensor& unsorted_indices() const { return unsorted_indices_; }

  /// The same with its data converted or moved.
  PackedSequence to(TensorOptions options, bool non_blocking = false, bool copy = false) const;
  PackedSequence to(Dtype dtype) const { return to(TensorOptions(dtype)); }
  PackedSequence cpu() const { return *this; }
  bool is_cuda() const { return data_.is_cuda(); }

 private:
  Tensor data_, batch_sizes_, sorted_indices_, unsorted_indices_;
};

/// The permutation that undoes one, int64 [n]; undefined for an undefined one.
Tensor invert_permutation(const Tensor& permutation);

/// Packs input [t, n, *] ([n, t, *] with batch_first), whose sequence i has lengths[i] elements,
/// one to t. With enforce_sorted, lengths must not grow; else the sequences are sorted. Throws
/// where lengths do not fit.
PackedSequence pack_padded_sequence(const Tensor& input, const Tensor& lengths,
                                    bool batch_first = false, bool enforce_sorted = true);
PackedSequence pack_padded_sequence(const Tensor& input, const std::vector<int64_t>& lengths,
                                    bool batch_first = false, bool enforce_sorted = true);

/// The sequences in the caller's order, [t, n, *] ([n, t, *] with batch_first) filled up with
/// padding_value, and their lengths. t is the longest length, or total_length, which must not be
/// less.
std::tuple<Tensor, Tensor> pad_packed_sequence(const PackedSequence& sequence,
                                               bool batch_first = false, double padding_value = 0,
                                               std::optional<int64_t> total_length = std::nullopt);

/// Tensors [length, *] as one [t, n, *] ([n, t, *] with batch_first), filled up with padding_value.
Tensor pad_sequence(TensorList sequences, bool batch_first = false, double padding_value = 0);
/// The tensors of what pad_sequence() made of sequences of these lengths.
std::vector<Tensor> unpad_sequence(const Tensor& padded, const Tensor& lengths,
                                   bool batch_first = false);
/// pack_padded_sequence() of pad_sequence() of tensors [length, *].
PackedSequence pack_sequence(TensorList sequences, bool enforce_sorted = true);
/// The tensors of a packed sequence.
std::vector<Tensor> unpack_sequence(const PackedSequence& sequence);

}  // namespace nn::utils::rnn
}  // namespace taper
