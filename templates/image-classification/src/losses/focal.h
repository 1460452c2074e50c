#pragma once

namespace taper::train {
struct Project;
}

// "FocalLoss": cross entropy that counts less where the model is sure already.
void add_focal_loss(taper::train::Project& project);
