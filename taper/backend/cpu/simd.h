#pragma once

// The one place that chooses Highway's targets. Include it before <hwy/...>. Left are AVX-512
// (AVX3), AVX2 and the build's baseline: each further target costs build time and wins nothing.
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL)
