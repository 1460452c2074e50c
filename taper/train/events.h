#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "taper/base/macros.h"
#include "taper/io/png.h"
#include "taper/tensor/tensor.h"
#include "taper/train/metrics_log.h"

namespace taper TAPER_API {
namespace train {

/// Counts of values in TensorBoard's buckets, whose ends grow by a tenth from 1e-12 to 1e20 on both
/// sides of 0. counts[i] is of the values in [limits[i - 1], limits[i]). NaN and infinities stand
/// in nonfinite only.
struct Histogram {
  double min = 0;
  double max = 0;
  double count = 0;
  double sum = 0;
  double sum_squares = 0;
  std::vector<double> limits;
  std::vector<double> counts;
  int64_t nonfinite = 0;
};
/// The histogram of a tensor of any type but complex, without the empty buckets at its ends.
Histogram histogram_of(const Tensor& values);

/// What an EventWriter may be told.
struct EventWriterOptions {
  /// The step that a run goes on after: TensorBoard drops what earlier files say of later ones.
  std::optional<int64_t> resume_step;
  /// Least seconds between two writes to the file.
  double flush_interval = 5;
  /// Seconds since 1970; the system's clock unless replaced by a test.
  double (*clock)() = nullptr;
};

/// How a run ended, as TensorBoard's table of hyper-parameters shows it.
enum class RunStatus { kSuccess = 1, kFailure = 2, kRunning = 3 };

/// Writes an event file for TensorBoard, named as it expects, in a folder. Tags with a slash are
/// shown in groups. Not for several threads at once.
class EventWriter {
 public:
  /// Makes the folder where there is none. Throws IoError.
  explicit EventWriter(const std::string& folder, EventWriterOptions options = {});
  /// Writes what is left; an error then goes to taper::warn.
  ~EventWriter();
  EventWriter(const EventWriter&) = delete;
  EventWriter& operator=(const EventWriter&) = delete;

  void add_scalar(std::string_view tag, double value, int64_t step);
  /// Values that are not finite are counted in the scalar `<tag>/nonfinite`.
  void add_histogram(std::string_view tag, const Tensor& values, int64_t step);
  void add_image(std::string_view tag, const io::Image& image, int64_t step);
  /// Images [N, 1 or 3, height, width] with values from 0 to 1, in rows of columns. Throws
  /// ShapeError.
  void add_images(std::string_view tag, const Tensor& images, int64_t step, int64_t columns = 8);
  /// Shown as Markdown.
  void add_text(std::string_view tag, std::string_view text, int64_t step);
  /// The run's row in the table of hyper-parameters; once, at the start.
  void add_hparams(const MetricsLog::Values& values);
  /// Ends that row.
  void add_end(RunStatus status);

  /// Hands what is buffered to the system. Throws IoError, as may every call above.
  void flush();
  const std::string& path() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// One value of an event file.
struct Event {
  enum class Kind { kVersion, kRestart, kScalar, kHistogram, kImage, kText, kOther };
  Kind kind = Kind::kOther;
  double wall_time = 0;
  int64_t step = 0;
  std::string tag;
  double value = 0;  ///< a scalar's; the count of a histogram's values
  std::string text;  ///< of a text, the version; an image's PNG bytes
};

/// Reads an event file of any writer and verifies the checksums of every record. Throws IoError
/// with the record's number and its place on one that is damaged or cut off.
std::vector<Event> read_events(const std::string& path);

}  // namespace train
}  // namespace taper
