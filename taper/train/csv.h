#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "taper/base/file.h"
#include "taper/base/macros.h"
#include "taper/train/metrics_log.h"

namespace taper TAPER_API {
namespace train {

/// Appends a field as RFC 4180 writes it: in quotes when it holds a comma, a quote or a line end.
void append_csv_field(std::string& line, std::string_view text);

/// A table as comma-separated values with a header (RFC 4180). Columns stand in the order in which
/// they first came; for a new one the file is written anew, once. A row without a value for a
/// column has an empty field there. Numbers are the shortest text that reads back the same; NaN and
/// infinities are nan, inf and -inf.
class CsvLog {
 public:
  using Values = MetricsLog::Values;

  /// Starts the file anew, or goes on after what is there. Throws IoError.
  explicit CsvLog(const std::string& path, bool append = false);

  /// Writes one row. Throws IoError, and ConfigError when a name comes twice.
  void write(const Values& values);
  const std::string& path() const { return path_; }
  const std::vector<std::string>& columns() const { return columns_; }

 private:
  void add_columns(const std::vector<std::string>& names);

  std::string path_;
  std::vector<std::string> columns_;
  std::unique_ptr<LineFile> file_;
};

/// The fields of comma-separated values, row by row; the rows may differ in length. Throws IoError,
/// naming the text and the line, on a quote that stands wrong or does not end.
std::vector<std::vector<std::string>> parse_csv(std::string_view text, const std::string& name);

}  // namespace train
}  // namespace taper
