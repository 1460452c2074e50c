#include "project.h"

#include "callbacks/mixup.h"
#include "data/images.h"
#include "losses/focal.h"
#include "metrics/calibration.h"
#include "models/models.h"
#include "taper/train/project.h"

void register_all(taper::train::Project& project) {
  add_lenet(project);
  add_small_cnn(project);
  add_resnet(project);
  add_vision_transformer(project);
  add_image_data(project);
  add_focal_loss(project);
  add_calibration(project);
  add_mixup(project);
}
