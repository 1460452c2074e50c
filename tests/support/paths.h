#pragma once

#include <string>

namespace taper::testing {

/// The full path of a file below tests/, e.g. golden/linear.json, wherever the test runs.
std::string test_path(const std::string& name);

}  // namespace taper::testing
