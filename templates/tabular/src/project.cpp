#include "project.h"

#include "data/csv.h"
#include "metrics/r2.h"
#include "models/mlp.h"
#include "taper/train/project.h"

void register_all(taper::train::Project& project) {
  add_mlp(project);
  add_csv(project);
  add_r2(project);
}
