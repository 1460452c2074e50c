#pragma once

namespace taper::train {
struct Project;
}

// Points of the plane in two rings around each other: replace it by your own data.
void add_rings(taper::train::Project& project);
