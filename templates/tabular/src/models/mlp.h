#pragma once

namespace taper::train {
struct Project;
}

// A stack of linear layers.
void add_mlp(taper::train::Project& project);
