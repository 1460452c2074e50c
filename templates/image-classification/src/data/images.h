#pragma once

namespace taper::train {
struct Project;
}

// FashionMnist (and other data in MNIST's files), Cifar10, ImageFolder and FakeImages.
void add_image_data(taper::train::Project& project);
