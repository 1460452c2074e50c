#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "taper/base/macros.h"
#include "taper/train/csv.h"
#include "taper/train/metrics_log.h"

namespace taper TAPER_API {
namespace train {

class EventWriter;
class RunFolder;

/// Where the figures of a run go besides metrics.jsonl.
struct RecorderOptions {
  bool csv = true;
  bool tensorboard = true;
  /// The step that the run goes on after; the folder is rewound to it.
  std::optional<int64_t> resume_step;
};

/// Writes a run's figures to its metrics.jsonl, metrics.csv and TensorBoard at once. Names are
/// `<split>/<metric>` such as train/loss and valid/accuracy, `lr`, and `<group>/<name>` for
/// everything else, e.g. grad_norm/conv1.weight: that is how write_report() puts them in charts.
class Recorder {
 public:
  explicit Recorder(const RunFolder& folder, const RecorderOptions& options = {});
  ~Recorder();
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  /// One row: step, epoch, time (seconds since 1970), then the values. Texts do not go to
  /// TensorBoard. Throws IoError, and ConfigError when a name comes twice or the step goes
  /// back.
  void write(int64_t step, double epoch, const MetricsLog::Values& values);
  /// Hands what is buffered to the system; done every few seconds anyway. Throws IoError.
  void flush();
  /// For histograms, images and text; null without TensorBoard.
  EventWriter* events() { return events_.get(); }

 private:
  MetricsLog log_;
  std::unique_ptr<CsvLog> csv_;
  std::unique_ptr<EventWriter> events_;
  int64_t last_step_;
};

}  // namespace train
}  // namespace taper
