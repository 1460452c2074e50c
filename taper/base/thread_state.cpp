#include "taper/base/thread_state.h"

namespace taper {

constinit thread_local ThreadState thread_state __attribute__((tls_model("initial-exec")));

}  // namespace taper
