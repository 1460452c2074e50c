// Rows, and the worker that measures them on request; knows nothing of the library under test.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace bench {

/// What a row computed, as one number, with the magnitude against which it is compared.
struct Check {
  double value = 0.0;
  double scale = 0.0;
};

/// A row that has been set up: `run(n)` does n iterations and returns the seconds of the timed
/// part.
struct Body {
  std::function<double(int64_t)> run;
  /// Result to compare with the other side; empty when the row has none (random numbers).
  std::function<Check()> check;
};

/// One measured case. `flop` or `bytes` per iteration, where known, place it under a ceiling.
struct Row {
  std::string name;
  std::string unit;
  std::function<Body()> setup;
  std::vector<int> threads = {1};
  double flop = 0.0;
  double bytes = 0.0;
  /// Elements of the largest operand: the size at which the copy bandwidth is read.
  int64_t elements = 0;
  /// Row to whose peer this one is an alternative setting; empty for an ordinary row.
  std::string alternative_of = {};
};

/// Losses of a training run, compared between both sides before anything is timed.
struct Curve {
  std::string name;
  std::function<std::vector<double>()> losses;
};

struct Suite {
  std::string library;
  std::vector<Row> rows;
  std::vector<Curve> curves;
};

using Clock = std::chrono::steady_clock;

inline double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Body::run for a plain callable: a loop over it, timed as a whole.
template <class F>
std::function<double(int64_t)> timed(F body) {
  return [body](int64_t count) mutable {
    Clock::time_point start = Clock::now();
    for (int64_t i = 0; i < count; ++i) body();
    return seconds_since(start);
  };
}

/// As `timed`, with an object of type Guard alive around the loop.
template <class Guard, class F>
std::function<double(int64_t)> timed_under(F body) {
  return [body](int64_t count) mutable {
    Guard guard;
    Clock::time_point start = Clock::now();
    for (int64_t i = 0; i < count; ++i) body();
    return seconds_since(start);
  };
}

/// Answers commands from standard input with one JSON line each until `quit` or the end of input.
int serve(Suite suite);

}  // namespace bench
