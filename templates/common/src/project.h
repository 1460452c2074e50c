#pragma once

namespace taper::train {
struct Project;
}

// Adds what this project has of its own to what config.json can name. A new model, data, loss,
// metric or callback needs one line in project.cpp.
void register_all(taper::train::Project& project);
