#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "taper/base/macros.h"

namespace taper TAPER_API {
namespace train {

/// Where and how a run was started: what it takes to run it again.
struct Environment {
  std::string time;  ///< local, as 2026-11-23T18:15:06+0000
  std::string host;
  std::string processor;
  int processors = 0;
  int threads = 0;
  std::string taper_version;
  std::string compiler;
  std::vector<std::string> command;
  std::string folder;      ///< that the program was started in
  std::string git_commit;  ///< empty outside of a repository
  /// A digest of what differs from the commit, uncommitted changes and new files; empty when
  /// nothing does.
  std::string git_changes;
  std::optional<uint64_t> seed;

  /// One JSON object, indented; what is not known is null.
  std::string json() const;
};

/// What is so in this process now. Asks git, when it is there, about the program's folder.
Environment capture_environment(std::optional<uint64_t> seed = std::nullopt);

}  // namespace train
}  // namespace taper
