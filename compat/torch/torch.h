#pragma once

// LibTorch's header for programs that were written against it: they compile with Taper unchanged.
// docs/from-libtorch.md says what is covered and what differs.

// The standard headers that LibTorch brings along and programs lean on.
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <complex>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <exception>
#include <functional>
#include <initializer_list>
#include <iomanip>
#include <iostream>
#include <iterator>
#include <limits>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <numeric>
#include <optional>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "taper/taper.h"
#include "torch/macros.h"
#include "torch/names.h"

// A macro, for a namespace alias cannot be opened again, which programs do with `namespace torch {`
// and with specialisations of its templates.
#define torch taper
namespace at = taper;
namespace c10 = taper;
