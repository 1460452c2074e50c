#pragma once

#include "taper/base/macros.h"

namespace taper TAPER_API {
namespace train {

struct Project;

/// The command line of a project: its verbs are train, resume, test, predict, lr-find, plot, config
/// and data; `--help` lists them. register_all adds what the project has of its own to the
/// registries. Errors are printed as one line. Returns what main() is to return: 0 done (an early
/// stop too), 64 a wrong config or command line, 75 interrupted after its state was saved, 1 any
/// other failure.
int run_project(int argc, const char* const* argv, void (*register_all)(Project& project));

}  // namespace train
}  // namespace taper
