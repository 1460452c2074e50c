#include "taper/base/version.h"

namespace taper {

const char* version() { return TAPER_VERSION_STRING; }

}  // namespace taper
