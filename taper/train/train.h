#pragma once

#include "taper/train/config.h"
#include "taper/train/fields.h"
#include "taper/train/metrics_log.h"
#include "taper/train/picture.h"
#include "taper/train/progress.h"
#include "taper/train/registry.h"
#include "taper/train/standard.h"
#include "taper/train/weights.h"
