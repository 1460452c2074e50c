#include "taper/ops/ctc.h"

#include <algorithm>
#include <cmath>

#include "taper/kernel/ctc.h"
#include "taper/ops/autocast_util.h"
#include "taper/ops/op_util.h"

namespace taper {
namespace {

struct Plan {
  Tensor rows;  // see kernel/ctc.h
  Tensor targets;
  int64_t most_targets = 0;
};

Plan plan_of(const Tensor& log_probs, const Tensor& targets, IntArrayRef steps, IntArrayRef counts,
             int64_t blank) {
  constexpr const char* op = "ctc_loss";
  const int64_t most_steps = log_probs.sizes()[0], samples = log_probs.sizes()[1];
  const int64_t classes = log_probs.sizes()[2];
  TAPER_CHECK_AS(DTypeError, targets.scalar_type() == kLong || targets.scalar_type() == kInt, op,
                 ": targets must be Long or Int, got ", targets.scalar_type());
  TAPER_CHECK_AS(ShapeError, targets.dim() == 1 || targets.dim() == 2, op,
                 ": targets must be [samples, targets] or one-dimensional, got ", targets.sizes());
  TAPER_CHECK(blank >= 0 && blank < classes, op, ": blank must be in label range, got ", blank,
              " of ", classes, " classes");
  TAPER_CHECK_AS(ShapeError, static_cast<int64_t>(steps.size()) == samples, op,
                 ": input_lengths must be of size batch_size ", samples, ", got ", steps.size());
  TAPER_CHECK_AS(ShapeError, static_cast<int64_t>(counts.size()) == samples, op,
                 ": target_lengths must be of size batch_size ", samples, ", got ", counts.size());
  const bool padded = targets.dim() == 2;
  TAPER_CHECK_AS(ShapeError, !padded || targets.sizes()[0] == samples, op, ": Expected targets of ",
                 samples, " samples, got ", targets.sizes());
  Plan plan{new_tensor(op, {samples, 3}, kLong), targets.to(kLong).contiguous()};
  int64_t* row = plan.rows.data_ptr<int64_t>();
  const int64_t room = padded ? targets.sizes()[1] : targets.sizes()[0];
  const int64_t* label = plan.targets.const_data_ptr<int64_t>();
  int64_t used = 0;
  for (int64_t n = 0; n < samples; ++n, row += 3) {
    const int64_t count = counts[static_cast<size_t>(n)], t = steps[static_cast<size_t>(n)];
    TAPER_CHECK(t >= 0 && t <= most_steps, op, ": Expected input_lengths to have value at most ",
                most_steps, ", but got value ", t);
    TAPER_CHECK_AS(ShapeError, count >= 0 && count <= room - (padded ? 0 : used), op,
                   ": Expected targets to hold target_lengths ", counts, ", got targets of size ",
                   targets.sizes());
    row[0] = padded ? n * room : used;
    row[1] = count;
    row[2] = t;
    used += count;
    plan.most_targets = std::max(plan.most_targets, count);
    for (int64_t i = row[0]; i < row[0] + count; ++i) {
      TAPER_CHECK_AS(IndexError, label[i] >= 0 && label[i] < classes, op, ": target ", label[i],
                     " of sample ", n, " is out of bounds for ", classes, " classes");
    }
  }
  TAPER_CHECK_AS(ShapeError, padded || used == room, op,
                 ": Expected targets of size sum(target_lengths) = ", used, ", got ", room);
  return plan;
}

void backward(Backward& b, int64_t blank, bool zero_infinity) {
  const Tensor& x = b.saved(0);
  const Tensor grad = new_tensor("ctc_loss_backward", x.sizes(), x.scalar_type());
  const Tensor factor = b.grad().contiguous();
  ctc_loss_backward_kernel(x.device(), out_view(grad), in(factor), in(b.saved(1)), in(b.saved(2)),
                           in(x), in(b.saved(3)), in(b.saved(4)), blank, zero_infinity);
  record({.name = "CtcLossBackwardBackward",
          .outputs = {grad},
          .inputs = {x, factor},
          .backward = [](Backward&) {
            throw Error("ctc_loss: the derivative for '_ctc_loss_backward' is not implemented.");
          }});
  b.set(0, grad);
}

/// x is [t, n, c], float or double. One loss for each sample.
Tensor losses_of(const Tensor& x, const Plan& plan, int64_t blank, bool zero_infinity) {
  const int64_t samples = x.sizes()[1];
  const Tensor loss = new_tensor("ctc_loss", {samples}, x.scalar_type());
  const Tensor alpha =
      new_tensor("ctc_loss", {samples, x.sizes()[0], 2 * plan.most_targets + 1}, x.scalar_type());
  ctc_loss_kernel(x.device(), out_view(loss), out_view(alpha), in(x), in(plan.targets),
                  in(plan.rows), blank);
  record({.name = "CtcLossBackward0",
          .outputs = {loss},
          .inputs = {x},
          .save = {x, loss, alpha, plan.targets, plan.rows},
          .backward = [=](Backward& b) { backward(b, blank, zero_infinity); }});
  return zero_infinity ? loss.masked_fill(loss.eq(INFINITY), 0) : loss;
}

std::vector<int64_t> list_of(const char* what, const Tensor& lengths) {
  TAPER_CHECK_AS(DTypeError, isIntegralType(lengths.scalar_type(), false), "ctc_loss: ", what,
                 " must be integral, got ", lengths.scalar_type());
  TAPER_CHECK_AS(ShapeError, lengths.dim() <= 1, "ctc_loss: ", what,
                 " must have at most one dimension, got ", lengths.sizes());
  const Tensor values = lengths.to(kLong).contiguous();
  const int64_t* first = values.const_data_ptr<int64_t>();
  return std::vector<int64_t>(first, first + values.numel());
}

}  // namespace

Tensor ctc_loss(const Tensor& log_probs, const Tensor& targets, IntArrayRef input_lengths,
                IntArrayRef target_lengths, int64_t blank, int64_t reduction, bool zero_infinity) {
  if (autocasting()) [[unlikely]] {
    return autocast_float32([](const auto&... a) { return taper::ctc_loss(a...); }, log_probs,
                            targets, input_lengths, target_lengths, blank, reduction,
                            zero_infinity);
  }
  check_floating("ctc_loss", log_probs);
  TAPER_CHECK_AS(
      ShapeError, log_probs.dim() == 2 || log_probs.dim() == 3,
      "ctc_loss: Expected log_probs of 2 (steps, classes) or 3 (steps, samples, classes) "
      "dimensions, got ",
      log_probs.sizes());
  const bool batched = log_probs.dim() == 3;
  const ScalarType type = log_probs.scalar_type();
  const Tensor wide = isReducedFloatingType(type) ? log_probs.to(kFloat) : log_probs;
  const Tensor x = (batched ? wide : wide.unsqueeze(1)).contiguous();
  const Plan plan = plan_of(x, targets, input_lengths, target_lengths, blank);
  Tensor loss = losses_of(x, plan, blank, zero_infinity);
  if (reduction == Reduction::Mean) {
    // A sample without targets counts as one with one.
    loss = loss.div(plan.rows.select(1, 1).clamp_min(1)).mean();
  } else if (reduction == Reduction::Sum) {
    loss = loss.sum();
  } else if (!batched) {
    loss = loss.squeeze(0);
  }
  return loss.to(type);
}

Tensor ctc_loss(const Tensor& log_probs, const Tensor& targets, const Tensor& input_lengths,
                const Tensor& target_lengths, int64_t blank, int64_t reduction,
                bool zero_infinity) {
  if (autocasting()) [[unlikely]] {
    return autocast_float32([](const auto&... a) { return taper::ctc_loss(a...); }, log_probs,
                            targets, input_lengths, target_lengths, blank, reduction,
                            zero_infinity);
  }
  return ctc_loss(log_probs, targets, list_of("input_lengths", input_lengths),
                  list_of("target_lengths", target_lengths), blank, reduction, zero_infinity);
}

}  // namespace taper
