#pragma once

/// Marks a namespace block whose declarations are part of the shared library's interface;
/// everything else is hidden.
#define TAPER_API __attribute__((visibility("default")))

/// Out-of-line error paths keep the hot code of an op in one cache line run.
#define TAPER_COLD __attribute__((cold, noinline))
