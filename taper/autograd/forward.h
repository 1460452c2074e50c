#pragma once

#include "taper/autograd/record.h"

// Forward mode: tangents, the derivatives of tensors along a direction, which ops carry from their
// inputs to their outputs while a dual level is open. Decision 22 says how they are found.
namespace taper {

/// Where a tensor keeps its tangent. A level knows the slots that it filled, and empties them.
struct TangentSlot;

/// Takes a slot from its level and frees it.
void end_slot(TangentSlot* slot) noexcept;

/// The tangent that a tensor has in this thread's level, undefined when it has none. A view has its
/// part of its base's tangent unless it was given one of its own.
Tensor tangent_of(const TensorImpl& impl);
GradList tangents_of(const TensorArgs& tensors);
bool has_tangent(const TensorImpl& impl);
bool any_tangent(const TensorArgs& tensors);

/// Gives a tensor a tangent; an undefined one hides that of its base.
void set_tangent(const TensorImpl& impl, Tensor tangent);
/// The tangent of a fresh result: a copy where others see the tangent's memory.
void set_own_tangent(const TensorImpl& impl, Tensor tangent);
/// After a write in place: changes the tangent in place, so that views and bases see it. Undefined
/// stands for zeros.
void write_tangent(const TensorImpl& impl, Tensor tangent);
/// Takes a tangent along to another tensor of the same values.
void copy_tangent(const TensorImpl& from, const TensorImpl& to);
void drop_tangent(const TensorImpl& impl);

/// Computes the tangents of a record's outputs from those of its inputs. With `keep_graph`, or when
/// a tangent requires grad, they can be differentiated again.
void give_tangents(const Record& record, GradList tangents, bool keep_graph);

}  // namespace taper
