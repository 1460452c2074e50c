#pragma once

#include <cstdint>

#include "taper/train/project.h"

// One function for each file of this folder. All models take images [N, channels, height, width]
// and give logits [N, classes]; sizes and classes are the data's.
void add_lenet(taper::train::Project& project);
void add_small_cnn(taper::train::Project& project);
void add_resnet(taper::train::Project& project);
void add_vision_transformer(taper::train::Project& project);

// What a model has to know of the data.
struct ImageShape {
  explicit ImageShape(taper::train::DataModule& data) {
    const taper::Tensor image = data.example();
    channels = image.size(1);
    height = image.size(2);
    width = image.size(3);
    classes = static_cast<int64_t>(data.classes().size());
  }
  int64_t channels, height, width, classes;
};
