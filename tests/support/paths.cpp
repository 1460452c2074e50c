#include "tests/support/paths.h"

namespace taper::testing {

// The path is a definition of this file alone, so that the others compile alike in every checkout.
std::string test_path(const std::string& name) { return TAPER_TEST_SOURCE_DIR "/" + name; }

}  // namespace taper::testing
