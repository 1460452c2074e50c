#pragma once

// Ops on each element by itself.
#include "taper/ops/pointwise_activation.h"
#include "taper/ops/pointwise_arith.h"
#include "taper/ops/pointwise_compare.h"
#include "taper/ops/pointwise_gates.h"
#include "taper/ops/pointwise_math.h"
#include "taper/ops/pointwise_special.h"
#include "taper/ops/pointwise_ternary.h"
#include "taper/ops/pointwise_trig.h"
