#include "project.h"

#include "data/text_file.h"
#include "metrics/perplexity.h"
#include "models/models.h"
#include "taper/train/project.h"

void register_all(taper::train::Project& project) {
  add_gpt(project);
  add_char_lstm(project);
  add_text_file(project);
  add_perplexity(project);
}
