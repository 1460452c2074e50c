#include "taper/train/log.h"

#include <cstdio>
#include <mutex>
#include <optional>

#include "taper/base/error.h"
#include "taper/base/file.h"
#include "taper/base/system.h"

namespace taper::train {
namespace {

const char* name_of(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "DEBUG  ";
    case LogLevel::kInfo:
      return "INFO   ";
    case LogLevel::kWarning:
      return "WARNING";
    case LogLevel::kError:
      return "ERROR  ";
  }
  return "";
}

// Control characters could move a terminal's cursor; line ends and tabs stay.
std::string shown(std::string_view text) {
  static const char* digits = "0123456789abcdef";
  std::string clean;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7f) {
      clean += "\\x";
      clean += digits[byte >> 4];
      clean += digits[byte & 15];
    } else {
      clean += c;
    }
  }
  return clean;
}

}  // namespace

struct Log::Impl {
  LogOptions options;
  bool terminal = false;
  std::mutex mutex = {};
  std::unique_ptr<LineFile> file = nullptr;
};

Log::Log(const std::string& path, LogOptions options) : impl_(new Impl{options}) {
  impl_->terminal = options.output >= 0 && is_terminal(options.output);
  if (!path.empty()) impl_->file = std::make_unique<LineFile>(path, true);
}

Log::~Log() = default;

void Log::write(LogLevel level, std::string_view text) {
  Impl& log = *impl_;
  const LogOptions& options = log.options;
  const bool to_console = options.output >= 0 && level >= options.console &&
                          (options.rank <= 0 || level >= LogLevel::kWarning);
  const bool to_file = log.file != nullptr && level >= options.file;
  if (!to_console && !to_file) return;
  const double time = options.clock != nullptr ? options.clock() : wall_time();
  const std::string rank = options.rank < 0 ? "" : str('[', options.rank, "] ");
  const std::string line =
      str(local_time(time, "%Y-%m-%d %H:%M:%S "), rank, name_of(level), ' ', shown(text));
  const std::lock_guard lock(log.mutex);
  if (to_console) {
    // What the program printed through stdio comes first; a progress bar's line is cleared.
    if (options.output == 1) std::fflush(stdout);
    write_output(options.output, str(log.terminal ? "\r\x1b[K" : "", line, '\n'));
  }
  if (to_file) log.file->write_line(line);
}

}  // namespace taper::train
