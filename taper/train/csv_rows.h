#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace taper::train {

/// The whole of a file that is text.
std::string read_text(const std::string& path);

/// How much of comma-separated values is whole rows.
size_t whole_csv_rows(std::string_view text);

/// Walks comma-separated values row by row. Both outlive it.
class CsvRows {
 public:
  CsvRows(std::string_view text, const std::string& name) : text_(text), name_(name) {}

  /// Replaces fields by the next row's; false at the end. Throws IoError with the line.
  bool next(std::vector<std::string>& fields);
  /// The text of that row without its line end, and where it starts.
  std::string_view row() const {
    size_t end = at_;
    if (ended_) --end;
    if (ended_ && end > start_ && text_[end - 1] == '\r') --end;
    return text_.substr(start_, end - start_);
  }
  size_t start() const { return start_; }

 private:
  bool next_field(std::string& field);
  [[noreturn]] void fail(const char* what) const;

  std::string_view text_;
  const std::string& name_;
  size_t at_ = 0;
  size_t start_ = 0;
  int64_t line_ = 1;
  bool ended_ = false;  // by a line end
};

}  // namespace taper::train
