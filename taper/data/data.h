#pragma once

#include "taper/data/dataloader.h"
#include "taper/data/datasets.h"
#include "taper/data/example.h"
#include "taper/data/samplers.h"
#include "taper/data/transforms.h"
