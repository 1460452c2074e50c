#pragma once

namespace taper::train {
struct Project;
}

// "Csv": a table with a header; numbers and names of categories are told apart by themselves.
void add_csv(taper::train::Project& project);
