#pragma once

#include "taper/data/chunk.h"
#include "taper/data/combined.h"
#include "taper/data/dataloader.h"
#include "taper/data/datasets.h"
#include "taper/data/example.h"
#include "taper/data/file_datasets.h"
#include "taper/data/image_transforms.h"
#include "taper/data/sample_random.h"
#include "taper/data/samplers.h"
#include "taper/data/transforms.h"
