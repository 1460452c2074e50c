#include "taper/train/run_folder.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <random>

#include "taper/base/error.h"
#include "taper/base/file.h"
#include "taper/base/folder.h"
#include "taper/base/system.h"
#include "taper/io/json_text.h"
#include "taper/train/csv_rows.h"
#include "taper/train/environment.h"
#include "taper/train/metrics_line.h"

namespace taper::train {
namespace {

namespace fs = std::filesystem;

void check_name(const std::string& name) {
  bool plain = !name.empty() && name.size() <= 200 && name[0] != '.' && name != "latest";
  for (const char c : name) {
    plain = plain && static_cast<unsigned char>(c) >= 0x20 && c != 0x7f && c != '/' && c != '\\';
  }
  TAPER_CHECK_AS(ConfigError, plain && io::is_utf8(name), "RunFolder: got the name ",
                 quote_name(name),
                 ", expected 1 to 200 bytes of UTF-8 without slashes and control characters, that "
                 "do not start with a dot and are not 'latest'");
}

// Tells runs apart that start within one second.
std::string random_id() {
  static const char* letters = "abcdefghijkmnpqrstuvwxyz23456789";
  std::random_device device;
  std::string id;
  for (int i = 0; i < 4; ++i) id += letters[device() % 32];
  return id;
}

void write_text(const std::string& path, std::string_view text) {
  write_file(path, text.data(), text.size());
}

// The length of the lines behind head up to the first one past the step. They are looked at from
// the last one back, so that the time does not grow with what is kept.
template <class StepOfLine>
size_t lines_to_keep(std::string_view text, size_t head, int64_t step, const StepOfLine& step_of) {
  size_t end = text.rfind('\n') + 1;  // 0 when there is no whole line
  while (end > head) {
    const size_t start = end < 2 ? 0 : text.rfind('\n', end - 2) + 1;
    if (step_of(text.substr(start, end - 1 - start), start) <= step) break;
    end = start;
  }
  return end;
}

size_t metrics_to_keep(std::string_view text, int64_t step, const std::string& path) {
  MetricsLine line;
  return lines_to_keep(text, 0, step, [&](std::string_view one, size_t start) {
    const std::string error = parse_metrics_line(one, line);
    if (!error.empty()) {
      const std::string_view before = text.substr(0, start);
      detail::fail<IoError>(quote_path(path), " line ",
                            std::count(before.begin(), before.end(), '\n') + 1, ": ", error);
    }
    return line.step.value_or(INT64_MIN);
  });
}

int64_t step_in(const std::vector<std::string>& fields, size_t column) {
  int64_t step = INT64_MIN;
  if (column < fields.size()) {
    const std::string& field = fields[column];
    std::from_chars(field.data(), field.data() + field.size(), step);
  }
  return step;
}

// The same of metrics.csv. Where a text may hold line ends, rows are told apart from the start
// only.
size_t rows_to_keep(std::string_view text, int64_t step, const std::string& path) {
  text = text.substr(0, whole_csv_rows(text));
  CsvRows rows(text, path);
  std::vector<std::string> fields;
  if (!rows.next(fields)) return 0;
  const size_t column =
      static_cast<size_t>(std::find(fields.begin(), fields.end(), "step") - fields.begin());
  if (text.find('"') == std::string_view::npos) {
    return lines_to_keep(text, text.find('\n') + 1, step, [&](std::string_view line, size_t) {
      CsvRows(line, path).next(fields);
      return step_in(fields, column);
    });
  }
  while (rows.next(fields)) {
    if (step_in(fields, column) > step) return rows.start();
  }
  return text.size();
}

void cut(const std::string& path, int64_t step,
         size_t (*keep)(std::string_view, int64_t, const std::string&)) {
  if (!file_exists(path)) return;
  const ByteBuffer bytes = read_file(path);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const size_t kept = keep(text, step, path);
  if (kept != text.size()) cut_file(path, kept);
}

}  // namespace

RunFolder::RunFolder(std::string path) : path_(std::move(path)) {
  const fs::path whole(path_);
  id_ = whole.filename().string();
  name_ = whole.parent_path().filename().string();
}

RunFolder RunFolder::create(const std::string& root, const std::string& name) {
  check_name(name);
  const std::string parent = (root.empty() ? "." : root) + "/" + name;
  make_folders(parent);
  const std::string time = local_time(wall_time(), "%Y%m%d-%H%M%S");
  for (int attempt = 0; attempt < 100; ++attempt) {
    RunFolder folder(str(parent, '/', time, '-', random_id()));
    if (!make_folder(folder.path())) continue;
    for (const std::string& inner : {folder.tensorboard(), folder.checkpoints(), folder.plots()}) {
      make_folder(inner);
    }
    replace_link(parent + "/latest", folder.id());
    return folder;
  }
  detail::fail<IoError>("RunFolder: found no free name for a new folder in ", quote_path(parent));
}

RunFolder RunFolder::open(const std::string& path) {
  std::error_code error;
  const fs::path real = fs::canonical(path, error);
  TAPER_CHECK_AS(IoError, !error, "cannot open the run folder ", quote_path(path), ": ",
                 error.message());
  RunFolder folder(real.string());
  TAPER_CHECK_AS(IoError, file_exists(folder.checkpoints()) || file_exists(folder.metrics()),
                 "cannot open the run folder ", quote_path(path),
                 ": got a folder without ckpt and metrics.jsonl, expected one that a run made");
  return folder;
}

std::string RunFolder::operator/(std::string_view file) const { return str(path_, '/', file); }

void RunFolder::write_config(std::string_view json) const { write_text(config(), json); }

void RunFolder::write_overrides(const std::vector<std::string>& list) const {
  std::string text;
  for (const std::string& one : list) text += one + "\n";
  write_text(overrides(), text);
}

std::string RunFolder::unused(std::string_view stem, std::string_view ending) const {
  std::string path = *this / str(stem, ending);
  for (int i = 2; file_exists(path); ++i) path = *this / str(stem, '-', i, ending);
  return path;
}

void RunFolder::write_environment(const Environment& value) const {
  write_text(unused("env", ".json"), value.json());
}

void RunFolder::rewind(int64_t step) const {
  cut(metrics(), step, &metrics_to_keep);
  cut(csv(), step, &rows_to_keep);
}

}  // namespace taper::train
