#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "taper/base/macros.h"

namespace taper TAPER_API {
namespace train {

struct Environment;

/// The folder of one run, `<root>/<name>/<YYYYmmdd-HHMMSS>-<id>`, and the names of what stands in
/// it. `<root>/<name>/latest` is a link to the newest. The working directory stays as it is.
class RunFolder {
 public:
  /// Makes a new folder with its tb/, ckpt/ and plots/, and points latest at it. Throws ConfigError
  /// on a name that is no plain file name, and IoError.
  static RunFolder create(const std::string& root, const std::string& name);
  /// A folder that is there, also by a link such as latest. Throws IoError.
  static RunFolder open(const std::string& path);

  const std::string& path() const { return path_; }
  /// The run's name, and what distinguishes it from others of that name.
  const std::string& name() const { return name_; }
  const std::string& id() const { return id_; }
  /// The path of something in the folder.
  std::string operator/(std::string_view file) const;

  std::string config() const { return *this / "config.json"; }
  std::string overrides() const { return *this / "overrides.txt"; }
  std::string environment() const { return *this / "env.json"; }
  std::string log() const { return *this / "train.log"; }
  std::string metrics() const { return *this / "metrics.jsonl"; }
  std::string csv() const { return *this / "metrics.csv"; }
  std::string tensorboard() const { return *this / "tb"; }
  std::string checkpoints() const { return *this / "ckpt"; }
  std::string plots() const { return *this / "plots"; }

  /// Writes config.json, and overrides.txt with one override a line. Throw IoError.
  void write_config(std::string_view json) const;
  void write_overrides(const std::vector<std::string>& overrides) const;
  /// `<stem><ending>` in the folder, or `<stem>-2<ending>`, `-3` and so on when that is there: what
  /// every resume of a run leaves once more.
  std::string unused(std::string_view stem, std::string_view ending) const;
  /// Writes env.json, or env-2.json...
  void write_environment(const Environment& environment) const;

  /// Takes back what metrics.jsonl and metrics.csv say about later steps than the one that is
  /// resumed, and a last line that was cut off. Throws IoError, with the line, when a line is
  /// damaged.
  void rewind(int64_t step) const;

 private:
  explicit RunFolder(std::string path);

  std::string path_;
  std::string name_;
  std::string id_;
};

}  // namespace train
}  // namespace taper
