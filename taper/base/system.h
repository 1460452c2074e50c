#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "taper/base/macros.h"

// What a program can know of its surroundings, for the records of a run.
namespace taper TAPER_API {

/// The machine's name; empty where the system does not tell.
std::string host_name();
/// The processor's name, e.g. "AMD EPYC 9B14"; empty where the system does not tell.
std::string processor_name();
/// Processors that this process may run on, at least 1.
int processor_count();
/// The words that the program was started with; empty where the system does not tell.
std::vector<std::string> program_arguments();
int64_t process_id();

/// Seconds of a clock that never goes back; their start means nothing.
double monotonic_seconds();
/// Seconds since 1970, with their fraction.
double wall_time();
/// A time as strftime writes it, in local time; formats that give nothing give an empty text.
std::string local_time(double seconds, const char* format);

/// How a program that was run ended.
struct ProgramResult {
  int status = 0;  ///< exit status; 128 + the signal's number when one ended it
  std::string output;
  bool complete = true;  ///< false: the output was longer than the limit
};
/// Runs a program, found through PATH, in a folder, without input and with its errors dropped, and
/// returns what it printed. Nothing when it cannot be started or takes longer than seconds; then it
/// is ended.
std::optional<ProgramResult> run_program(const std::vector<std::string>& words,
                                         const std::string& folder, double seconds = 5,
                                         size_t limit = size_t{1} << 24);

}  // namespace taper
