#pragma once

#include <string>
#include <vector>

#include "taper/train/command_line.h"
#include "taper/train/run_folder.h"
#include "taper/train/session.h"

// The verbs of a project's command line; each returns what main() is to return.
namespace taper::train {

int train_verb(const Project& project, const CommandLine& line);
int resume_verb(const Project& project, const CommandLine& line);
int test_verb(const Project& project, const CommandLine& line);
int predict_verb(const Project& project, const CommandLine& line);
int lr_find_verb(const Project& project, const CommandLine& line);
int plot_verb(const CommandLine& line);
int config_verb(const Project& project, const CommandLine& line);
int data_verb(const Project& project, const CommandLine& line);

/// The file that --config names, with --preset and the words as overrides.
Config load_config(const CommandLine& line);
/// The run folder of a path, also of the folder above it, whose newest run it is. Throws
/// ConfigError when there is none.
RunFolder open_run(const std::string& path);
/// Draws a run: its plots and its page report.html.
void draw_run(const RunFolder& folder);

}  // namespace taper::train
