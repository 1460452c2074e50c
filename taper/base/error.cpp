#include "taper/base/error.h"

#include <charconv>
#include <cmath>
#include <cstdio>
#include <mutex>
#include <set>

namespace taper {
namespace {

struct WarningState {
  std::mutex mutex;
  WarningHandler handler;
  std::set<std::string, std::less<>> shown;
};

// Leaked on purpose: a warning may come from a destructor that runs after main.
WarningState& warning_state() {
  static WarningState* state = new WarningState;
  return *state;
}

}  // namespace

WarningHandler set_warning_handler(WarningHandler handler) {
  WarningState& state = warning_state();
  std::lock_guard lock(state.mutex);
  return std::exchange(state.handler, std::move(handler));
}

void warn(std::string_view text) {
  WarningState& state = warning_state();
  WarningHandler handler;
  {
    std::lock_guard lock(state.mutex);
    handler = state.handler;
    if (!handler && !state.shown.emplace(text).second) return;
  }
  if (handler) {
    handler(text);
  } else {
    std::fprintf(stderr, "taper warning: %.*s\n", static_cast<int>(text.size()), text.data());
  }
}

namespace detail {

template <class T>
static void append_number(std::string& s, T v) {
  char buffer[32];
  auto end = std::to_chars(buffer, buffer + sizeof(buffer), v).ptr;
  s.append(buffer, end);
}

void append(std::string& s, int64_t v) { append_number(s, v); }
void append(std::string& s, uint64_t v) { append_number(s, v); }
void append(std::string& s, double v) {
  if (std::isnan(v)) {
    s += "nan";
  } else {
    append_number(s, v);
  }
}
void append(std::string& s, IntArrayRef v) {
  s += '[';
  for (size_t i = 0; i < v.size(); ++i) {
    if (i) s += ", ";
    append(s, v[i]);
  }
  s += ']';
}

}  // namespace detail
}  // namespace taper
