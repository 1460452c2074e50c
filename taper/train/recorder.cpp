#include "taper/train/recorder.h"

#include <cmath>

#include "taper/base/error.h"
#include "taper/base/system.h"
#include "taper/train/events.h"
#include "taper/train/run_folder.h"

namespace taper::train {
namespace {

// The lines of later steps go before the file is opened again.
bool rewound(const RunFolder& folder, const RecorderOptions& options) {
  if (options.resume_step) folder.rewind(*options.resume_step);
  return options.resume_step.has_value();
}

}  // namespace

Recorder::Recorder(const RunFolder& folder, const RecorderOptions& options)
    : log_(folder.metrics(), rewound(folder, options)),
      last_step_(options.resume_step.value_or(INT64_MIN)) {
  if (options.csv) csv_ = std::make_unique<CsvLog>(folder.csv(), options.resume_step.has_value());
  if (options.tensorboard) {
    EventWriterOptions events;
    events.resume_step = options.resume_step;
    events_ = std::make_unique<EventWriter>(folder.tensorboard(), events);
  }
}

Recorder::~Recorder() = default;

void Recorder::write(int64_t step, double epoch, const MetricsLog::Values& values) {
  TAPER_CHECK_AS(ConfigError, step >= last_step_, "Recorder: got step ", step, " after step ",
                 last_step_, ", expected steps that do not go back");
  MetricsLog::Values row = {
      {"step", step}, {"epoch", epoch}, {"time", std::round(wall_time() * 1000) / 1000}};
  row.insert(row.end(), values.begin(), values.end());
  log_.write(row);
  last_step_ = step;
  if (csv_) csv_->write(row);
  if (!events_) return;
  for (const auto& [name, value] : values) {
    if (!value.is_text()) events_->add_scalar(name, value.number(), step);
  }
}

void Recorder::flush() {
  if (events_) events_->flush();
}

}  // namespace taper::train
