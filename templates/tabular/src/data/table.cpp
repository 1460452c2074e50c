#include "data/table.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "taper/base/file.h"
#include "taper/train/csv.h"

using taper::Tensor;

namespace {

bool parse(const std::string& text, double& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && std::isfinite(value);
}

bool holds_numbers(const std::vector<std::string>& column) {
  double value = 0;
  return std::all_of(column.begin(), column.end(),
                     [&](const std::string& text) { return text.empty() || parse(text, value); });
}

}  // namespace

size_t Table::find(const std::string& name) const {
  const auto found = std::find(names.begin(), names.end(), name);
  TAPER_CHECK_AS(ConfigError, found != names.end(), "the table has no column '", name, "'");
  return static_cast<size_t>(found - names.begin());
}

Table read_table(const std::string& file) {
  const taper::ByteBuffer bytes = taper::read_file(file);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const auto rows = taper::train::parse_csv(text, file);
  TAPER_CHECK_AS(ConfigError, rows.size() > 1, file, ": expected a header and rows, got ",
                 rows.size(), " lines");
  Table table;
  table.names = rows[0];
  table.columns.resize(table.names.size());
  for (size_t i = 1; i < rows.size(); ++i) {
    TAPER_CHECK_AS(ConfigError, rows[i].size() == table.names.size(), file, ": row ", i, " has ",
                   rows[i].size(), " fields, the header has ", table.names.size());
    for (size_t c = 0; c < rows[i].size(); ++c) table.columns[c].push_back(rows[i][c]);
  }
  return table;
}

std::optional<double> number_of(const std::string& text, const std::string& column) {
  double value = 0;
  if (text.empty()) return std::nullopt;
  TAPER_CHECK_AS(ConfigError, parse(text, value), "column '", column, "': expected a number, got '",
                 text, "'");
  return value;
}

std::vector<std::string> different(const std::vector<std::string>& column) {
  std::vector<std::string> names = column;
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

Encoder::Encoder(const Table& table, const std::vector<std::string>& columns,
                 const std::vector<size_t>& training_rows) {
  for (const std::string& name : columns) {
    const std::vector<std::string>& all = table.columns[table.find(name)];
    std::vector<std::string> texts;
    for (const size_t row : training_rows) texts.push_back(all[row]);
    Column column{name, holds_numbers(all), 0, 1, {}};
    if (column.is_number) {
      std::vector<double> numbers;
      for (const std::string& text : texts) {
        if (const auto number = number_of(text, name)) numbers.push_back(*number);
      }
      double sum = 0, squares = 0;
      for (const double x : numbers) sum += x;
      const double count = std::max<double>(1, static_cast<double>(numbers.size()));
      column.mean = sum / count;
      for (const double x : numbers) squares += (x - column.mean) * (x - column.mean);
      column.deviation = squares > 0 ? std::sqrt(squares / count) : 1;
    } else {
      column.categories = different(texts);
    }
    columns_.push_back(std::move(column));
  }
}

Tensor Encoder::encode(const Table& table) const {
  std::vector<Tensor> inputs;
  for (const Column& column : columns_) {
    const std::vector<std::string>& texts = table.columns[table.find(column.name)];
    std::vector<double> numbers;
    for (const std::string& text : texts) {
      if (column.is_number) {
        const double number = number_of(text, column.name).value_or(column.mean);
        numbers.push_back((number - column.mean) / column.deviation);
      }
      for (const std::string& category : column.categories) numbers.push_back(text == category);
    }
    const auto rows = static_cast<int64_t>(texts.size());
    inputs.push_back(taper::tensor(numbers, taper::kFloat).reshape({rows, -1}));
  }
  return taper::cat(inputs, 1);
}
