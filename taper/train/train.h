#pragma once

#include "taper/train/batches.h"
#include "taper/train/callback.h"
#include "taper/train/checkpoint.h"
#include "taper/train/ema.h"
#include "taper/train/metric.h"
#include "taper/train/metrics_log.h"
#include "taper/train/picture.h"
#include "taper/train/progress.h"
#include "taper/train/stops.h"
#include "taper/train/trainer.h"
#include "taper/train/weights.h"
