#pragma once

#include "taper/train/metrics_log.h"
#include "taper/train/picture.h"
#include "taper/train/progress.h"
#include "taper/train/weights.h"
