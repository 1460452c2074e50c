#pragma once

namespace taper::train {
struct Project;
}

// "Mixup": trains on mixtures of two images and their classes.
void add_mixup(taper::train::Project& project);
