#include "taper/train/events.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "taper/base/error.h"
#include "taper/base/file.h"
#include "taper/base/system.h"
#include "taper/train/event_format.h"
#include "taper/train/event_numbers.h"
#include "taper/train/picture.h"

namespace taper::train {
namespace {

constexpr size_t kBufferBytes = size_t{1} << 20;

// Another number for each file that the process writes, beside its id.
std::string file_name(double time) {
  static std::atomic<uint32_t> counter{0};
  std::string host = host_name();
  std::replace(host.begin(), host.end(), '/', '_');
  return str("events.out.tfevents.", static_cast<int64_t>(time), '.',
             host.empty() ? "localhost" : host, '.', process_id(), '.', counter.fetch_add(1));
}

MessageWriter plugin_metadata(std::string_view plugin, std::string_view content) {
  MessageWriter data;
  data.add_bytes(proto::kPluginName, plugin).add_bytes(proto::kPluginContent, content);
  MessageWriter metadata;
  metadata.add_bytes(proto::kMetadataPlugin, data);
  return metadata;
}

// A google.protobuf.Value.
MessageWriter plain_value(const MetricValue& value) {
  MessageWriter message;
  if (value.is_text()) {
    message.add_bytes(proto::kValueText, value.text());
  } else if (value.json() == "true" || value.json() == "false") {
    message.add_int(proto::kValueBool, value.number() != 0);
  } else {
    message.add_double(proto::kValueNumber, value.number());
  }
  return message;
}

io::Image grid_of(const std::vector<io::Image>& images, int64_t columns) {
  constexpr int64_t kGap = 2;
  const int64_t count = static_cast<int64_t>(images.size());
  columns = std::min(columns, count);
  const int64_t rows = (count + columns - 1) / columns;
  const int64_t height = images[0].height + kGap, width = images[0].width + kGap;
  io::Image grid(rows * height + kGap, columns * width + kGap, images[0].channels);
  for (int64_t i = 0; i < count; ++i) {
    const io::Image& image = images[static_cast<size_t>(i)];
    for (int64_t y = 0; y < image.height; ++y) {
      std::copy_n(image.at(y, 0), image.width * image.channels,
                  grid.at(i / columns * height + kGap + y, i % columns * width + kGap));
    }
  }
  return grid;
}

}  // namespace

struct EventWriter::Impl {
  Impl(const std::string& path, const EventWriterOptions& given)
      : options(given), file(path, false), last_flush(now()) {}

  EventWriterOptions options;
  LineFile file;
  std::string buffer = {};
  double last_flush;
  bool broken = false;

  double now() const { return options.clock != nullptr ? options.clock() : wall_time(); }

  void flush() {
    TAPER_CHECK_AS(IoError, !broken, "cannot write ", quote_path(file.path()),
                   ": an earlier write failed");
    last_flush = now();
    if (buffer.empty()) return;
    // What follows a torn record cannot be read.
    broken = true;
    file.write_bytes(buffer);
    broken = false;
    buffer.clear();
  }

  void write(const MessageWriter& event) {
    append_record(buffer, event.bytes());
    if (buffer.size() >= kBufferBytes || now() - last_flush >= options.flush_interval) flush();
  }

  MessageWriter event(std::optional<int64_t> step) const {
    MessageWriter message;
    message.add_double(proto::kEventTime, now());
    if (step) message.add_int(proto::kEventStep, *step);
    return message;
  }

  void write_value(std::optional<int64_t> step, const MessageWriter& value) {
    MessageWriter summary, message = event(step);
    summary.add_bytes(proto::kSummaryValue, value);
    message.add_bytes(proto::kEventSummary, summary);
    write(message);
  }

  void write_hparams(std::string_view tag, uint32_t field, const MessageWriter& info) {
    MessageWriter content, value;
    content.add_bytes(field, info);
    value.add_bytes(proto::kValueTag, tag);
    value.add_bytes(proto::kValueMetadata, plugin_metadata("hparams", content.bytes()));
    write_value(std::nullopt, value);
  }
};

EventWriter::EventWriter(const std::string& folder, EventWriterOptions options) {
  make_folders(folder);
  const double time = options.clock != nullptr ? options.clock() : wall_time();
  impl_ = std::make_unique<Impl>(folder + "/" + file_name(time), options);
  MessageWriter first = impl_->event(std::nullopt);
  impl_->write(first.add_bytes(proto::kEventVersion, "brain.Event:2"));
  if (options.resume_step) {
    MessageWriter log, restart = impl_->event(*options.resume_step + 1);
    log.add_int(proto::kSessionStatus, proto::kSessionStart);
    impl_->write(restart.add_bytes(proto::kEventSession, log));
  }
  impl_->flush();
}

EventWriter::~EventWriter() {
  if (impl_->broken) return;
  try {
    impl_->flush();
  } catch (const Error& error) {
    warn(error.what());
  }
}

void EventWriter::add_scalar(std::string_view tag, double value, int64_t step) {
  MessageWriter message;
  message.add_bytes(proto::kValueTag, tag);
  message.add_float(proto::kValueScalar, static_cast<float>(value));
  impl_->write_value(step, message);
}

void EventWriter::add_histogram(std::string_view tag, const Tensor& values, int64_t step) {
  const Histogram histogram = histogram_of(values);
  if (histogram.nonfinite != 0) {
    add_scalar(str(tag, "/nonfinite"), static_cast<double>(histogram.nonfinite), step);
  }
  if (histogram.counts.empty()) return;
  MessageWriter content, message;
  content.add_double(proto::kHistogramMin, histogram.min)
      .add_double(proto::kHistogramMax, histogram.max)
      .add_double(proto::kHistogramCount, histogram.count)
      .add_double(proto::kHistogramSum, histogram.sum)
      .add_double(proto::kHistogramSquares, histogram.sum_squares)
      .add_packed(proto::kHistogramLimits, histogram.limits)
      .add_packed(proto::kHistogramBuckets, histogram.counts);
  message.add_bytes(proto::kValueTag, tag).add_bytes(proto::kValueHistogram, content);
  impl_->write_value(step, message);
}

void EventWriter::add_image(std::string_view tag, const io::Image& image, int64_t step) {
  MessageWriter content, message;
  const std::string png = io::encode_png(image);
  content.add_int(proto::kImageHeight, image.height)
      .add_int(proto::kImageWidth, image.width)
      .add_int(proto::kImageColors, image.channels)
      .add_bytes(proto::kImagePng, png);
  message.add_bytes(proto::kValueTag, tag).add_bytes(proto::kValueImage, content);
  impl_->write_value(step, message);
}

void EventWriter::add_images(std::string_view tag, const Tensor& images, int64_t step,
                             int64_t columns) {
  const std::vector<io::Image> list = to_images(images, "add_images");
  TAPER_CHECK_AS(ShapeError, !list.empty() && columns > 0, "add_images: got ", list.size(),
                 " images in ", columns, " columns, expected at least 1 of each");
  add_image(tag, grid_of(list, columns), step);
}

void EventWriter::add_text(std::string_view tag, std::string_view text, int64_t step) {
  MessageWriter size, shape, tensor, message;
  size.add_int(proto::kDimensionSize, 1);
  shape.add_bytes(proto::kShapeDimension, size);
  tensor.add_int(proto::kTensorType, proto::kTensorString)
      .add_bytes(proto::kTensorShape, shape)
      .add_bytes(proto::kTensorText, text);
  message.add_bytes(proto::kValueTag, str(tag, "/text_summary"))
      .add_bytes(proto::kValueTensor, tensor)
      .add_bytes(proto::kValueMetadata, plugin_metadata("text", ""));
  impl_->write_value(step, message);
}

void EventWriter::add_hparams(const MetricsLog::Values& values) {
  MessageWriter info;
  for (const auto& [name, value] : values) {
    MessageWriter entry;
    entry.add_bytes(proto::kMapKey, name).add_bytes(proto::kMapValue, plain_value(value));
    info.add_bytes(proto::kStartValues, entry);
  }
  info.add_double(proto::kStartTime, impl_->now());
  impl_->write_hparams("_hparams_/session_start_info", proto::kHparamsStart, info);
}

void EventWriter::add_end(RunStatus status) {
  MessageWriter info;
  info.add_int(proto::kEndStatus, static_cast<int64_t>(status));
  info.add_double(proto::kEndTime, impl_->now());
  impl_->write_hparams("_hparams_/session_end_info", proto::kHparamsEnd, info);
  flush();
}

void EventWriter::flush() { impl_->flush(); }
const std::string& EventWriter::path() const { return impl_->file.path(); }

}  // namespace taper::train
