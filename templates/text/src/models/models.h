#pragma once

namespace taper::train {
struct Project;
}

// Both take characters [N, length] and give logits of the next ones [N, characters, length].
void add_gpt(taper::train::Project& project);
void add_char_lstm(taper::train::Project& project);
