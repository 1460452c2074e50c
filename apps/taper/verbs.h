#pragma once

#include <string>

#include "taper/train/command_line.h"

// The verbs of the `taper` tool; each returns what main() is to return.
int new_verb(const taper::train::CommandLine& line);
int doctor_verb();

/// Where this program is installed: <prefix>/bin/taper.
std::string install_prefix();
/// <prefix>/share/taper/templates.
std::string installed_templates();
