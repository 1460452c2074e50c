#include "taper/train/csv.h"

#include <algorithm>
#include <cmath>

#include "taper/base/error.h"
#include "taper/train/csv_rows.h"

namespace taper::train {
namespace {

void append_value(std::string& line, const MetricValue& value) {
  if (value.is_text()) {
    append_csv_field(line, value.text());
  } else if (std::isfinite(value.number())) {
    line += value.json();
  } else {
    line += std::isnan(value.number()) ? "nan" : value.number() > 0 ? "inf" : "-inf";
  }
}

std::string header_of(const std::vector<std::string>& columns) {
  std::string line;
  for (size_t i = 0; i < columns.size(); ++i) {
    if (i != 0) line += ',';
    append_csv_field(line, columns[i]);
  }
  // A line of one empty name would be an empty line.
  return line.empty() && !columns.empty() ? "\"\"" : line;
}

}  // namespace

size_t whole_csv_rows(std::string_view text) {
  if (text.find('"') == std::string_view::npos) return text.rfind('\n') + 1;
  size_t whole = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') quoted = !quoted;
    if (text[i] == '\n' && !quoted) whole = i + 1;
  }
  return whole;
}

std::string read_text(const std::string& path) {
  const ByteBuffer bytes = read_file(path);
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

void append_csv_field(std::string& line, std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) {
    line += text;
    return;
  }
  line += '"';
  for (const char c : text) {
    if (c == '"') line += '"';
    line += c;
  }
  line += '"';
}

bool CsvRows::next(std::vector<std::string>& fields) {
  if (at_ >= text_.size()) return false;
  start_ = at_;
  size_t count = 0;
  bool more = true;
  while (more) {
    if (count == fields.size()) fields.emplace_back();
    fields[count].clear();
    more = next_field(fields[count++]);
  }
  fields.resize(count);
  return true;
}

// Adds a field's characters; false at the row's end.
bool CsvRows::next_field(std::string& field) {
  const bool quoted = at_ < text_.size() && text_[at_] == '"';
  if (quoted) {
    for (++at_;; ++at_) {
      if (at_ >= text_.size()) fail("a quote does not end");
      if (text_[at_] == '\n') ++line_;
      if (text_[at_] != '"') {
        field += text_[at_];
      } else if (at_ + 1 < text_.size() && text_[at_ + 1] == '"') {
        field += text_[at_++];
      } else {
        break;
      }
    }
    ++at_;
  } else {
    const size_t end = std::min(text_.find_first_of(",\"\r\n", at_), text_.size());
    field.append(text_.substr(at_, end - at_));
    at_ = end;
  }
  ended_ = false;
  if (at_ >= text_.size()) return false;
  if (text_[at_] == ',') {
    ++at_;
    return true;
  }
  if (text_[at_] == '\r' && at_ + 1 < text_.size() && text_[at_ + 1] == '\n') ++at_;
  if (text_[at_] != '\n') fail("a quote or a carriage return within a field");
  ++at_;
  ++line_;
  ended_ = true;
  return false;
}

void CsvRows::fail(const char* what) const {
  detail::fail<IoError>(quote_path(name_), " line ", line_, ": ", what);
}

std::vector<std::vector<std::string>> parse_csv(std::string_view text, const std::string& name) {
  std::vector<std::vector<std::string>> rows;
  std::vector<std::string> fields;
  for (CsvRows reader(text, name); reader.next(fields);) rows.push_back(fields);
  return rows;
}

CsvLog::CsvLog(const std::string& path, bool append) : path_(path) {
  if (append && file_exists(path)) {
    const std::string text = read_text(path);
    // What a crash left of the last row goes.
    const size_t whole = whole_csv_rows(text);
    if (whole != text.size()) cut_file(path, whole);
    CsvRows(std::string_view(text).substr(0, whole), path).next(columns_);
  }
  file_ = std::make_unique<LineFile>(path, append);
}

void CsvLog::add_columns(const std::vector<std::string>& names) {
  const bool first = columns_.empty();
  columns_.insert(columns_.end(), names.begin(), names.end());
  if (first) return file_->write_line(header_of(columns_));
  const std::string text = read_text(path_);
  AtomicFile changed(path_);
  std::string line = header_of(columns_) + "\n";
  const std::string commas = std::string(names.size(), ',') + "\n";
  CsvRows rows(text, path_);
  std::vector<std::string> fields;
  rows.next(fields);
  while (rows.next(fields)) {
    changed.write(line.data(), line.size());
    line.assign(rows.row());
    line += commas;
  }
  changed.write(line.data(), line.size());
  changed.commit();
  file_ = std::make_unique<LineFile>(path_, true);
}

void CsvLog::write(const Values& values) {
  if (values.empty()) return;
  std::vector<std::string> names;
  std::vector<const MetricValue*> row(columns_.size());
  for (size_t i = 0; i < values.size(); ++i) {
    const std::string& name = values[i].first;
    size_t column = i < columns_.size() && columns_[i] == name
                        ? i
                        : static_cast<size_t>(std::find(columns_.begin(), columns_.end(), name) -
                                              columns_.begin());
    if (column == columns_.size()) {
      column += static_cast<size_t>(std::find(names.begin(), names.end(), name) - names.begin());
      if (column == row.size()) {
        names.push_back(name);
        row.push_back(nullptr);
      }
    }
    TAPER_CHECK_AS(ConfigError, row[column] == nullptr, "CsvLog: the name ", quote_name(name),
                   " comes twice in one row");
    row[column] = &values[i].second;
  }
  if (!names.empty()) add_columns(names);
  std::string line;
  for (size_t i = 0; i < row.size(); ++i) {
    if (i != 0) line += ',';
    if (row[i] != nullptr) append_value(line, *row[i]);
  }
  // A row of one empty text would be an empty line.
  file_->write_line(line.empty() ? "\"\"" : line);
}

}  // namespace taper::train
