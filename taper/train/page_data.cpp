#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "taper/base/error.h"
#include "taper/base/file.h"
#include "taper/train/csv_rows.h"
#include "taper/train/page.h"
#include "taper/train/page_charts.h"
#include "taper/train/run_folder.h"

namespace taper::train {
namespace {

using Json = nlohmann::ordered_json;

int64_t line_at(const std::string& text, size_t byte) {
  const auto end = text.begin() + static_cast<std::ptrdiff_t>(std::min(byte, text.size()));
  return std::count(text.begin(), end, '\n') + 1;
}

// Deep nesting would exhaust the stack of what walks the values.
void check_depth(const std::string& text, const std::string& name) {
  constexpr int kDeepest = 100;
  int depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\') ++i;
      quoted = c != '"';
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      TAPER_CHECK_AS(IoError, ++depth <= kDeepest, quote_path(name), " line ", line_at(text, i),
                     ": nested more than ", kDeepest, " deep");
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
}

Json parse(const std::string& text, const std::string& name) {
  check_depth(text, name);
  try {
    return Json::parse(text);
  } catch (const Json::parse_error& error) {
    detail::fail<IoError>(quote_path(name), " line ",
                          line_at(text, error.byte == 0 ? 0 : error.byte - 1), ": no JSON");
  } catch (const Json::exception& error) {
    detail::fail<IoError>(quote_path(name), ": ", std::string(error.what()));
  }
}

std::string text_of(const std::string& path) { return file_exists(path) ? read_text(path) : ""; }

std::string confusion_path(const RunFolder& folder) { return folder.plots() + "/confusion.json"; }
std::string lr_curve_path(const RunFolder& folder) { return folder.plots() + "/lr_finder.json"; }

void write_json(const std::string& path, const Json& json) {
  const std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  write_file(path, text.data(), text.size());
}

// What a file's reader gets wrong is the file's fault.
template <class Read>
void read_json(const std::string& path, const Read& read) {
  if (!file_exists(path)) return;
  const Json json = parse(read_text(path), path);
  try {
    read(json);
  } catch (const Json::exception& error) {
    detail::fail<IoError>(quote_path(path),
                          ": it has another form than expected: ", std::string(error.what()));
  } catch (const Error& error) {
    detail::fail<IoError>(quote_path(path), ": ", error.what());
  }
}

std::vector<double> numbers_of(const Json& list) {
  std::vector<double> values;
  for (const Json& one : list) {
    values.push_back(one.is_null() ? std::numeric_limits<double>::quiet_NaN() : one.get<double>());
  }
  return values;
}

void check(const ConfusionCounts& counts) {
  const size_t classes = counts.names.size();
  TAPER_CHECK_AS(ShapeError,
                 classes == 0 ? counts.counts.empty()
                              : counts.counts.size() / classes == classes &&
                                    counts.counts.size() % classes == 0,
                 "write_confusion: got ", counts.counts.size(), " counts for ", classes,
                 " names, expected their square");
}

void check(const LrCurve& curve) {
  TAPER_CHECK_AS(ShapeError, curve.learning_rates.size() == curve.losses.size(),
                 "write_lr_curve: got ", curve.learning_rates.size(), " rates and ",
                 curve.losses.size(), " losses, expected as many");
}

}  // namespace

std::vector<std::pair<std::string, std::string>> flat_settings(const std::string& json,
                                                               const std::string& name) {
  std::vector<std::pair<std::string, std::string>> settings;
  if (json.empty()) return settings;
  const Json flat = parse(json, name).flatten();
  for (const auto& [pointer, value] : flat.items()) {
    std::string key = pointer.substr(pointer.empty() ? 0 : 1);
    std::replace(key.begin(), key.end(), '/', '.');
    settings.emplace_back(std::move(key),
                          value.is_string()
                              ? value.get<std::string>()
                              : value.dump(-1, ' ', false, Json::error_handler_t::replace));
  }
  return settings;
}

void write_confusion(const RunFolder& folder, const ConfusionCounts& counts) {
  check(counts);
  Json rows = Json::array();
  const auto classes = static_cast<std::ptrdiff_t>(counts.names.size());
  for (auto row = counts.counts.begin(); row != counts.counts.end(); row += classes) {
    rows.push_back(std::vector<int64_t>(row, row + classes));
  }
  write_json(confusion_path(folder), {{"names", counts.names}, {"counts", rows}});
}

void write_lr_curve(const RunFolder& folder, const LrCurve& curve) {
  check(curve);
  write_json(lr_curve_path(folder),
             {{"rates", curve.learning_rates},
              {"losses", curve.losses},
              {"suggestion", curve.suggestion ? Json(*curve.suggestion) : Json()}});
}

RunRecord read_run(const std::string& path) {
  const RunFolder folder = RunFolder::open(path);
  RunRecord run;
  run.name = folder.name() + "/" + folder.id();
  run.path = folder.path();
  run.config = text_of(folder.config());
  run.environment = text_of(folder.environment());
  // Found out here, where the file's name is known.
  flat_settings(run.config, folder.config());
  flat_settings(run.environment, folder.environment());
  if (file_exists(folder.metrics())) run.metrics = read_metrics(folder.metrics());
  read_json(confusion_path(folder), [&](const Json& json) {
    run.confusion.names = json.at("names").get<std::vector<std::string>>();
    for (const Json& row : json.at("counts")) {
      const auto counts = row.get<std::vector<int64_t>>();
      run.confusion.counts.insert(run.confusion.counts.end(), counts.begin(), counts.end());
    }
    check(run.confusion);
  });
  read_json(lr_curve_path(folder), [&](const Json& json) {
    run.lr_curve.learning_rates = numbers_of(json.at("rates"));
    run.lr_curve.losses = numbers_of(json.at("losses"));
    const Json& suggestion = json.at("suggestion");
    if (!suggestion.is_null()) run.lr_curve.suggestion = suggestion.get<double>();
    check(run.lr_curve);
  });
  return run;
}

}  // namespace taper::train
