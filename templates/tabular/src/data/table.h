#pragma once

#include <string>
#include <vector>

#include "taper/taper.h"

// A table of texts, column by column.
struct Table {
  std::vector<std::string> names;
  std::vector<std::vector<std::string>> columns;

  size_t rows() const { return columns.empty() ? 0 : columns[0].size(); }
  // The number of a column. Throws ConfigError.
  size_t find(const std::string& name) const;
};

// Reads comma-separated values with a header. Throws taper::Error with the line that is wrong.
Table read_table(const std::string& file);

// How the columns of a table become numbers, learnt from the training rows: numbers get mean 0 and
// deviation 1 (a missing one is the mean), a category becomes one input for each of its names.
class Encoder {
 public:
  Encoder(const Table& table, const std::vector<std::string>& columns,
          const std::vector<size_t>& training_rows);
  // Inputs [rows, inputs] of float32. Throws ConfigError when a column is missing.
  taper::Tensor encode(const Table& table) const;

 private:
  struct Column {
    std::string name;
    bool is_number;
    double mean = 0, deviation = 1;
    std::vector<std::string> categories;
  };
  std::vector<Column> columns_;
};

// A number, or nothing for an empty field. Throws ConfigError on another text.
std::optional<double> number_of(const std::string& text, const std::string& column);
// The different texts of a column, sorted.
std::vector<std::string> different(const std::vector<std::string>& column);
