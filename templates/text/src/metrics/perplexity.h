#pragma once

namespace taper::train {
struct Project;
}

// "Perplexity": among how many characters the model hesitates.
void add_perplexity(taper::train::Project& project);
