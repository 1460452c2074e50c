#pragma once

#include "taper/base/macros.h"

namespace taper TAPER_API {

/// The version of the library that the program runs with, e.g. "0.1.0".
const char* version();

}  // namespace taper
