#pragma once

namespace taper::train {
struct Project;
}

// "TextFile": pieces of a text, and for each character the one that follows.
void add_text_file(taper::train::Project& project);
