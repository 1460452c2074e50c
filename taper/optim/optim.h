#pragma once

#include "taper/optim/adafactor.h"
#include "taper/optim/adagrad.h"
#include "taper/optim/adam.h"
#include "taper/optim/lbfgs.h"
#include "taper/optim/lr_cycles.h"
#include "taper/optim/lr_scheduler.h"
#include "taper/optim/optimizer.h"
#include "taper/optim/serialize.h"
#include "taper/optim/sgd.h"
