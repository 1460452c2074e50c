#include "project.h"

#include "data/rings.h"
#include "models/mlp.h"
#include "taper/train/project.h"

void register_all(taper::train::Project& project) {
  add_mlp(project);
  add_rings(project);
}
