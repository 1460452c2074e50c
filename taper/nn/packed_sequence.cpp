#include "taper/nn/packed_sequence.h"

#include <algorithm>
#include <numeric>

#include "taper/ops/copy.h"
#include "taper/ops/creation.h"
#include "taper/ops/joining.h"
#include "taper/ops/padding.h"
#include "taper/ops/scatter.h"
#include "taper/ops/view.h"

namespace taper::nn::utils::rnn {
namespace {

using Counts = std::vector<int64_t>;

Counts counts_of(const char* op, const char* what, const Tensor& t) {
  TAPER_CHECK_AS(DTypeError, isIntegralType(t.scalar_type(), false), op, ": ", what,
                 " must be integers, got ", t.scalar_type());
  TAPER_CHECK_AS(ShapeError, t.dim() == 1, op, ": expected ", what, " of one dimension, got ",
                 t.sizes());
  const Tensor dense = t.to(kLong).contiguous();
  const int64_t* first = dense.const_data_ptr<int64_t>();
  return Counts(first, first + dense.numel());
}

Tensor tensor_of(const Counts& values) { return tensor(values, TensorOptions(kLong)); }

/// The rows of [t * n, *] that are elements of sequences, in the order of packed data.
Counts packed_rows(const Counts& batch_sizes, int64_t samples) {
  Counts rows;
  for (size_t t = 0; t < batch_sizes.size(); ++t) {
    for (int64_t i = 0; i < batch_sizes[t]; ++i) {
      rows.push_back(static_cast<int64_t>(t) * samples + i);
    }
  }
  return rows;
}

void check_batch_sizes(const char* op, const Counts& sizes, int64_t rows) {
  int64_t sum = 0;
  for (size_t t = 0; t < sizes.size(); ++t) {
    TAPER_CHECK_AS(ShapeError,
                   sizes[t] > 0 && sizes[t] <= rows - sum && (t == 0 || sizes[t] <= sizes[t - 1]),
                   op, ": batch_sizes must be positive, never grow and sum to the ", rows,
                   " rows of the data, got ", IntArrayRef(sizes));
    sum += sizes[t];
  }
  TAPER_CHECK_AS(ShapeError, sum == rows, op, ": batch_sizes sum to ", sum, ", but the data has ",
                 rows, " rows");
}

/// sizes of [t, n] and what follows the first dimensions of another tensor.
DimVector with_rest(int64_t t, int64_t n, IntArrayRef sizes, size_t skip) {
  DimVector all{t, n};
  for (size_t d = skip; d < sizes.size(); ++d) all.push_back(sizes[d]);
  return all;
}

}  // namespace

PackedSequence::PackedSequence(Tensor data, Tensor batch_sizes, Tensor sorted_indices,
                               Tensor unsorted_indices)
    : data_(std::move(data)),
      batch_sizes_(std::move(batch_sizes)),
      sorted_indices_(std::move(sorted_indices)),
      unsorted_indices_(std::move(unsorted_indices)) {
  if (!unsorted_indices_.defined()) unsorted_indices_ = invert_permutation(sorted_indices_);
}

PackedSequence PackedSequence::to(TensorOptions options, bool non_blocking, bool copy) const {
  return PackedSequence(data_.to(options, non_blocking, copy), batch_sizes_, sorted_indices_,
                        unsorted_indices_);
}

Tensor invert_permutation(const Tensor& permutation) {
  if (!permutation.defined()) return Tensor();
  const Counts places = counts_of("invert_permutation", "permutation", permutation);
  const int64_t n = static_cast<int64_t>(places.size());
  Counts inverse(places.size(), -1);
  for (int64_t i = 0; i < n; ++i) {
    const int64_t place = places[static_cast<size_t>(i)];
    TAPER_CHECK_AS(IndexError, place >= 0 && place < n && inverse[static_cast<size_t>(place)] == -1,
                   "invert_permutation: expected each of 0 to ", n - 1, " once, got ",
                   IntArrayRef(places));
    inverse[static_cast<size_t>(place)] = i;
  }
  return tensor_of(inverse);
}

PackedSequence pack_padded_sequence(const Tensor& input, const Tensor& lengths, bool batch_first,
                                    bool enforce_sorted) {
  return pack_padded_sequence(input, counts_of("pack_padded_sequence", "lengths", lengths),
                              batch_first, enforce_sorted);
}

PackedSequence pack_padded_sequence(const Tensor& input, const Counts& given, bool batch_first,
                                    bool enforce_sorted) {
  const char* const op = "pack_padded_sequence";
  TAPER_CHECK_AS(ShapeError, input.dim() >= 2, op,
                 ": expected input of at least two dimensions, got ", input.sizes());
  Tensor steps = batch_first ? input.transpose(0, 1) : input;
  const int64_t t = steps.sizes()[0], n = steps.sizes()[1];
  TAPER_CHECK_AS(ShapeError, n > 0 && static_cast<int64_t>(given.size()) == n, op,
                 ": Expected `len(lengths)` to be equal to batch_size, but got ", given.size(),
                 " (batch_size=", n, ")");
  for (const int64_t length : given) {
    TAPER_CHECK_AS(ShapeError, length > 0, op,
                   ": Length of all samples has to be greater than 0, but found an element in "
                   "'lengths' that is <= 0: ",
                   length);
    TAPER_CHECK_AS(ShapeError, length <= t, op, ": Expected lengths of at most ", t,
                   ", the steps of the input, got ", length);
  }
  Counts lengths = given;
  Tensor sorted;
  if (enforce_sorted) {
    TAPER_CHECK(std::is_sorted(given.rbegin(), given.rend()), op,
                ": `lengths` array must be sorted in decreasing order when `enforce_sorted` is "
                "True. You can pass `enforce_sorted=False` to sort the sequences, got ",
                IntArrayRef(given));
  } else {
    Counts order(given.size());
    std::iota(order.begin(), order.end(), 0);
    const auto length_of = [&](int64_t i) { return given[static_cast<size_t>(i)]; };
    std::stable_sort(order.begin(), order.end(),
                     [&](int64_t a, int64_t b) { return length_of(a) > length_of(b); });
    std::transform(order.begin(), order.end(), lengths.begin(), length_of);
    sorted = tensor_of(order);
    steps = index_select(steps, 1, sorted);
  }
  Counts sizes;
  size_t alive = lengths.size();
  for (int64_t step = 0; step < lengths[0]; ++step) {
    while (lengths[alive - 1] <= step) --alive;
    sizes.push_back(static_cast<int64_t>(alive));
  }
  const Tensor rows = steps.flatten(0, 1);
  return PackedSequence(index_select(rows, 0, tensor_of(packed_rows(sizes, n))), tensor_of(sizes),
                        sorted);
}

std::tuple<Tensor, Tensor> pad_packed_sequence(const PackedSequence& sequence, bool batch_first,
                                               double padding_value,
                                               std::optional<int64_t> total_length) {
  const char* const op = "pad_packed_sequence";
  TAPER_CHECK(sequence.data().defined() && sequence.batch_sizes().defined(), op,
              ": the packed sequence is empty");
  const Tensor& data = sequence.data();
  TAPER_CHECK_AS(ShapeError, data.dim() >= 1, op, ": expected data of rows, got a number");
  const Counts sizes = counts_of(op, "batch_sizes", sequence.batch_sizes());
  TAPER_CHECK_AS(ShapeError, !sizes.empty(), op, ": batch_sizes can not be empty");
  check_batch_sizes(op, sizes, data.sizes()[0]);
  const int64_t longest = static_cast<int64_t>(sizes.size()), n = sizes[0];
  const int64_t t = total_length.value_or(longest);
  TAPER_CHECK_AS(ShapeError, t >= longest, op,
                 ": Expected total_length to be at least the length of the longest sequence in "
                 "input, but got total_length=",
                 t, " and max sequence length being ", longest);
  const Tensor filled = full(with_rest(t, n, data.sizes(), 1), padding_value, data.options());
  Tensor padded = index_copy(filled.flatten(0, 1), 0, tensor_of(packed_rows(sizes, n)), data)
                      .view(filled.sizes());
  Counts lengths;
  for (int64_t i = 0; i < n; ++i) {
    lengths.push_back(std::count_if(sizes.begin(), sizes.end(), [&](int64_t s) { return s > i; }));
  }
  Tensor counts = tensor_of(lengths);
  if (sequence.unsorted_indices().defined()) {
    padded = index_select(padded, 1, sequence.unsorted_indices());
    counts = index_select(counts, 0, sequence.unsorted_indices());
  }
  return {batch_first ? padded.transpose(0, 1) : padded, counts};
}

Tensor pad_sequence(TensorList sequences, bool batch_first, double padding_value) {
  const char* const op = "pad_sequence";
  TAPER_CHECK(!sequences.empty(), op, ": received an empty list of sequences");
  int64_t longest = 0;
  for (const Tensor& s : sequences) {
    TAPER_CHECK_AS(ShapeError, s.dim() >= 1, op, ": expected sequences of at least one dimension");
    const auto rest = [](const Tensor& x) { return x.sizes().slice(1, x.sizes().size() - 1); };
    TAPER_CHECK_AS(ShapeError, s.dim() == sequences[0].dim() && rest(s) == rest(sequences[0]), op,
                   ": expected all sequences to agree in all dimensions but the first, got ",
                   sequences[0].sizes(), " and ", s.sizes());
    longest = std::max(longest, s.sizes()[0]);
  }
  std::vector<Tensor> padded;
  for (const Tensor& s : sequences) {
    std::vector<int64_t> amounts(static_cast<size_t>(2 * s.dim()), 0);
    amounts.back() = longest - s.sizes()[0];
    padded.push_back(amounts.back() == 0 ? s : constant_pad_nd(s, amounts, padding_value));
  }
  return stack(padded, batch_first ? 0 : 1);
}

std::vector<Tensor> unpad_sequence(const Tensor& padded, const Tensor& lengths, bool batch_first) {
  const char* const op = "unpad_sequence";
  TAPER_CHECK_AS(ShapeError, padded.dim() >= 2, op,
                 ": expected a padded sequence of at least two dimensions, got ", padded.sizes());
  const Tensor samples = batch_first ? padded : padded.transpose(0, 1);
  const Counts counts = counts_of(op, "lengths", lengths);
  TAPER_CHECK_AS(ShapeError, static_cast<int64_t>(counts.size()) == samples.sizes()[0], op,
                 ": expected ", samples.sizes()[0], " lengths, got ", counts.size());
  std::vector<Tensor> sequences;
  for (size_t i = 0; i < counts.size(); ++i) {
    TAPER_CHECK_AS(ShapeError, counts[i] >= 0 && counts[i] <= samples.sizes()[1], op,
                   ": expected lengths of 0 to ", samples.sizes()[1], ", got ", counts[i]);
    sequences.push_back(samples.select(0, static_cast<int64_t>(i)).narrow(0, 0, counts[i]));
  }
  return sequences;
}

PackedSequence pack_sequence(TensorList sequences, bool enforce_sorted) {
  const Tensor padded = pad_sequence(sequences);
  Counts lengths;
  for (const Tensor& s : sequences) lengths.push_back(s.sizes()[0]);
  return pack_padded_sequence(padded, lengths, false, enforce_sorted);
}

std::vector<Tensor> unpack_sequence(const PackedSequence& sequence) {
  const auto [padded, lengths] = pad_packed_sequence(sequence, true);
  return unpad_sequence(padded, lengths, true);
}

}  // namespace taper::nn::utils::rnn
