#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "taper/base/error.h"

// The command lines of projects and of the `taper` tool: `program verb [options] words`.
namespace taper::train {

/// What main() returns.
enum ExitCode { kDone = 0, kFailed = 1, kUsage = 64, kInterrupted = 75 };

/// An option of a verb: `-c FILE`, `--config FILE`, `--config=FILE`, or without a value a switch.
struct OptionSpec {
  char letter;        ///< 0: none
  const char* name;   ///< without --
  const char* value;  ///< "FILE"; null: a switch
  const char* help;
};

struct VerbSpec {
  const char* name;
  const char* words;  ///< "RUN [key=value ...]"
  const char* help;
  size_t least_words;
  size_t most_words;
  std::vector<OptionSpec> options;
};

/// A command line that was understood.
class CommandLine {
 public:
  /// Reads what follows the verb. `--` ends the options. Throws ConfigError on anything unknown.
  CommandLine(const VerbSpec& verb, const std::vector<std::string>& given);

  const std::vector<std::string>& words() const { return words_; }
  bool has(const std::string& option) const;
  /// The last value given. Throws nothing.
  std::string get(const std::string& option, const std::string& otherwise) const;
  /// The same as a number. Throws ConfigError.
  double number(const std::string& option, double otherwise) const;

 private:
  std::vector<std::pair<std::string, std::string>> options_;
  std::vector<std::string> words_;
};

/// What a program is called and which verbs it has.
struct ProgramSpec {
  std::string name;
  const char* help;
  std::vector<VerbSpec> verbs;
};

/// The verb that a command line names, or none when help was asked for, which is then printed.
/// Throws ConfigError when it names none or an unknown one.
const VerbSpec* find_verb(const ProgramSpec& program, const std::vector<std::string>& given);

/// Calls run and returns what it returns; an error becomes one line on the standard error, and 64
/// for a ConfigError, else 1.
template <class Run>
int run_command(const std::string& program, const Run& run);

/// The line, without line ends, on standard error.
void print_error(const std::string& program, const char* what);
/// Lines on standard output.
void print(std::string_view text);

template <class Run>
int run_command(const std::string& program, const Run& run) {
  try {
    return run();
  } catch (const ConfigError& error) {
    print_error(program, error.what());
    return kUsage;
  } catch (const std::exception& error) {
    print_error(program, error.what());
    return kFailed;
  }
}

}  // namespace taper::train
