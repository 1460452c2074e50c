#pragma once

#include <string>
#include <typeinfo>

#include "taper/base/macros.h"

namespace taper TAPER_API {

/// The name of a type as written in source.
std::string demangle(const std::type_info& type);

}  // namespace taper
