#pragma once

#include <cstdint>
#include <memory>

#include "taper/taper.h"
#include "taper/train/fields.h"

// What happens to training images only.
struct AugmentArgs {
  bool flip = true;
  int64_t crop_padding = 0;
  double rotate = 0;
  double jitter = 0;
  double erase = 0;

  void fields(taper::train::Fields& f) {
    f("flip", flip, "whether half of the images are mirrored, left to right");
    f("crop_padding", crop_padding, "pixels that an image may be moved by").min(0);
    f("rotate", rotate, "degrees that an image may be turned by, either way").range(0, 180);
    f("jitter", jitter, "how much brightness and contrast may change").range(0, 1);
    f("erase", erase, "share of the images of which a part is erased").range(0, 1);
  }
};

// An image [channels, height, width] in 0 to 1 as the model takes it: in its size, augmented or
// not, with mean 0 and deviation 1. The random numbers belong to the sample, so that they do not
// depend on workers and are the same in a resumed run.
class ImageTransform : public taper::data::transforms::TensorTransform<> {
 public:
  using Tensor = taper::Tensor;

  // size 0: as it is. augment null: for validation and test.
  ImageTransform(int64_t size, std::vector<double> mean, std::vector<double> deviation,
                 const AugmentArgs* augment)
      : size_(size), normalize_(mean, deviation) {
    namespace t = taper::data::transforms;
    if (augment == nullptr) return;
    augment_ = *augment;
    augments_ = true;
    if (augment->rotate > 0) {
      rotation_ = std::make_shared<t::RandomRotation>(taper::ArrayRef<double>{augment->rotate},
                                                      t::Interpolation::kBilinear);
    }
    if (augment->jitter > 0) {
      jitter_ = std::make_shared<t::ColorJitter>(augment->jitter, augment->jitter);
    }
    if (augment->erase > 0) erasing_ = std::make_shared<t::RandomErasing>(augment->erase);
  }

  Tensor operator()(Tensor image) override {
    namespace t = taper::data::transforms;
    if (size_ > 0 && (image.size(1) != size_ || image.size(2) != size_)) {
      image = t::center_crop(t::Resize({size_})(image), size_, size_);
    }
    if (!augments_) return normalize_(image);
    if (rotation_ != nullptr) image = (*rotation_)(image);
    if (augment_.crop_padding > 0) {
      image = t::RandomCrop({image.size(1), image.size(2)}, {augment_.crop_padding})(image);
    }
    if (augment_.flip) image = flip_(image);
    if (jitter_ != nullptr) image = (*jitter_)(image);
    image = normalize_(image);
    return erasing_ == nullptr ? image : (*erasing_)(image);
  }

 private:
  int64_t size_;
  taper::data::transforms::Normalize<> normalize_;
  bool augments_ = false;
  AugmentArgs augment_;
  taper::data::transforms::RandomHorizontalFlip flip_;
  // Without a state of their own: copies may share them.
  std::shared_ptr<taper::data::transforms::RandomRotation> rotation_;
  std::shared_ptr<taper::data::transforms::ColorJitter> jitter_;
  std::shared_ptr<taper::data::transforms::RandomErasing> erasing_;
};
