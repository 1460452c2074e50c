#pragma once

#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "tests/support/paths.h"

// The golden files of tests/nn/golden/: "case NAME" lines, each with the lines of its case below.
namespace taper {

using Lines = std::vector<std::string>;

/// The lines of each case of a file.
inline std::map<std::string, Lines> read_cases(const std::string& file_name) {
  std::map<std::string, Lines> cases;
  std::ifstream file(testing::test_path("nn/golden/" + file_name));
  std::string line, name;
  while (std::getline(file, line)) {
    if (line.rfind("case ", 0) == 0) {
      name = line.substr(5);
    } else if (!name.empty()) {
      cases[name].push_back(line);
    }
  }
  return cases;
}

}  // namespace taper
