#pragma once

namespace taper::train {
struct Project;
}

// "R2": the share of the targets' variance that the model explains.
void add_r2(taper::train::Project& project);
