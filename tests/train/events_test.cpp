#include "taper/train/events.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "taper/base/error.h"
#include "taper/nn/linear.h"
#include "taper/ops/creation.h"
#include "taper/ops/random.h"
#include "taper/ops/reduction.h"
#include "taper/tensor/generator.h"
#include "taper/train/diagnostics.h"
#include "taper/train/event_format.h"
#include "tests/support/expect_error.h"
#include "tests/support/file_faults.h"
#include "tests/support/temp_folder.h"

namespace taper::train {
namespace {

using taper::testing::slurp;
using taper::testing::spill;
using taper::testing::TempFolder;
using Kind = Event::Kind;

TEST(Crc32c, HasTheValuesOfItsDefinition) {
  // RFC 3720, B.4.
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43u);
  std::string rising(32, '\0');
  std::iota(rising.begin(), rising.end(), '\0');
  EXPECT_EQ(crc32c(rising), 0x46dd794eu);
  EXPECT_EQ(crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(crc32c(""), 0u);
  EXPECT_EQ(masked_crc32c(""), 0xa282ead8u);
}

TEST(Messages, ReadBackWhatIsWritten) {
  MessageWriter inner, message;
  inner.add_int(1, -5).add_double(2, 0.1).add_float(16, 0.5f);
  message.add_bytes(3, inner).add_int(1000, 300).add_packed(4, std::vector<double>{1, 2});
  MessageReader outer(message.bytes());
  ASSERT_TRUE(outer.next());
  EXPECT_EQ(outer.field(), 3u);
  MessageReader reader(outer.bytes());
  ASSERT_TRUE(reader.next());
  EXPECT_EQ(reader.integer(), -5);
  ASSERT_TRUE(reader.next());
  EXPECT_EQ(reader.real(), 0.1);
  ASSERT_TRUE(reader.next());
  EXPECT_EQ(reader.field(), 16u);
  EXPECT_EQ(reader.real(), 0.5);
  EXPECT_FALSE(reader.next());
  ASSERT_TRUE(outer.next());
  EXPECT_EQ(outer.field(), 1000u);
  EXPECT_EQ(outer.integer(), 300);
  ASSERT_TRUE(outer.next());
  EXPECT_EQ(outer.bytes().size(), 16u);
  EXPECT_FALSE(outer.next());
}

TEST(Messages, DamageIsAnError) {
  const auto read = [](std::string_view bytes) {
    for (MessageReader reader(bytes); reader.next();) {
    }
  };
  EXPECT_ERROR(IoError, read("\x08"), "a number is cut off");
  EXPECT_ERROR(IoError, read("\x09\x01"), "a number is cut off");
  EXPECT_ERROR(IoError, read("\x0a\x05xx"), "field 1 claims 5 bytes where 2 are left");
  EXPECT_ERROR(IoError, read("\x0b"), "field 1 has the unknown form 3");
  EXPECT_ERROR(IoError, read(std::string_view("\0\0", 2)), "a field has the number 0");
  EXPECT_ERROR(IoError, read("\x08" + std::string(10, '\xff')), "longer than 64 bits");
}

TEST(Histogram, CountsEveryFiniteValueInItsBucket) {
  manual_seed(0);
  const double inf = std::numeric_limits<double>::infinity();
  std::vector<double> values = {0.0,
                                -0.0,
                                1e-12,
                                -1e-12,
                                1e-13,
                                1e25,
                                -1e25,
                                1e-300,
                                1.0,
                                inf,
                                -inf,
                                std::nan(""),
                                std::numeric_limits<double>::max(),
                                std::numeric_limits<double>::lowest()};
  for (double end = 1e-12; end < 1e20; end *= 1.1) values.insert(values.end(), {end, -end});
  const Tensor random = randn({2000}, kDouble).mul(randn({2000}, kDouble).mul(10).exp());
  for (int64_t i = 0; i < random.numel(); ++i) values.push_back(random[i].item<double>());
  const Histogram histogram = histogram_of(tensor(values, kDouble));
  EXPECT_EQ(histogram.nonfinite, 3);
  EXPECT_EQ(histogram.count, static_cast<double>(values.size() - 3));
  ASSERT_EQ(histogram.limits.size(), histogram.counts.size());
  // Counted one by one.
  std::vector<double> counts(histogram.limits.size());
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    auto at = std::upper_bound(histogram.limits.begin(), histogram.limits.end(), value);
    if (at == histogram.limits.end()) --at;
    ++counts[static_cast<size_t>(at - histogram.limits.begin())];
  }
  EXPECT_EQ(histogram.counts, counts);
  EXPECT_EQ(histogram.min, std::numeric_limits<double>::lowest());
  EXPECT_EQ(histogram.max, std::numeric_limits<double>::max());
}

TEST(Histogram, TakesEveryTypeAndNothing) {
  for (const Dtype type : {kByte, kShort, kLong, kHalf, kBFloat16, kFloat, kDouble, kBool}) {
    const Histogram histogram = histogram_of(tensor({0, 1, 1, 1}).to(type));
    EXPECT_EQ(histogram.count, 4) << type;
    EXPECT_EQ(histogram.sum, 3) << type;
    EXPECT_EQ(histogram.sum_squares, 3) << type;
    EXPECT_EQ(histogram.counts.front(), 1) << type;
    EXPECT_EQ(histogram.counts.back(), 3) << type;
    EXPECT_EQ(histogram.limits.front(), 1e-12) << type;
  }
  const Histogram strided = histogram_of(arange(6, kFloat).view({2, 3}).t().select(0, 1));
  EXPECT_EQ(strided.sum, 5);
  EXPECT_TRUE(histogram_of(empty({0})).counts.empty());
  EXPECT_ERROR(Error, histogram_of(Tensor()), "undefined");
}

double fixed_clock() { return 1234.5; }

std::string written_file(const TempFolder& folder) {
  EventWriterOptions options;
  options.clock = &fixed_clock;
  EventWriter writer(folder.path().string(), options);
  writer.add_hparams({{"lr", 0.1}, {"name", "Adam"}, {"bias", true}});
  writer.add_scalar("train/loss", 0.25, 1);
  writer.add_scalar("train/loss", std::nan(""), 2);
  writer.add_histogram("w", tensor({1.0, std::nan(""), -2.0}), 3);
  writer.add_histogram("none", empty({0}), 3);
  writer.add_images("samples", ones({3, 1, 4, 5}), -4, 2);
  writer.add_text("note", "**bold**", 5);
  writer.add_end(RunStatus::kSuccess);
  return writer.path();
}

TEST(EventWriter, TheReaderFindsWhatWasWritten) {
  TempFolder folder;
  const std::string path = written_file(folder);
  EXPECT_NE(path.find("/events.out.tfevents.1234."), std::string::npos);
  const std::vector<Event> events = read_events(path);
  ASSERT_EQ(events.size(), 9u);
  for (const Event& event : events) EXPECT_EQ(event.wall_time, 1234.5);
  EXPECT_EQ(events[0].kind, Kind::kVersion);
  EXPECT_EQ(events[0].text, "brain.Event:2");
  EXPECT_EQ(events[1].tag, "_hparams_/session_start_info");
  EXPECT_EQ(events[2].kind, Kind::kScalar);
  EXPECT_EQ(events[2].tag, "train/loss");
  EXPECT_EQ(events[2].step, 1);
  EXPECT_EQ(events[2].value, 0.25);
  EXPECT_TRUE(std::isnan(events[3].value));
  EXPECT_EQ(events[4].tag, "w/nonfinite");
  EXPECT_EQ(events[4].value, 1);
  EXPECT_EQ(events[5].kind, Kind::kHistogram);
  EXPECT_EQ(events[5].value, 2);
  EXPECT_EQ(events[6].kind, Kind::kImage);
  EXPECT_EQ(events[6].step, -4);
  const MemorySource png(events[6].text.data(), events[6].text.size(), "image");
  const io::Image image = io::read_png(png);
  EXPECT_EQ(image.height, 2 * 6 + 2);
  EXPECT_EQ(image.width, 2 * 7 + 2);
  EXPECT_EQ(*image.at(2, 2), 255);
  EXPECT_EQ(*image.at(13, 15), 0);
  EXPECT_EQ(events[7].kind, Kind::kText);
  EXPECT_EQ(events[7].text, "**bold**");
  EXPECT_EQ(events[8].tag, "_hparams_/session_end_info");
}

TEST(EventWriter, FilesOfOneFolderDoNotCollide) {
  TempFolder folder;
  EXPECT_NE(written_file(folder), written_file(folder));
  EXPECT_EQ(folder.count(), 2);
}

TEST(EventWriter, WritesWhenItIsTimeTo) {
  TempFolder folder;
  static double now;
  now = 100;
  EventWriterOptions options;
  options.clock = [] { return now; };
  options.flush_interval = 5;
  EventWriter writer(folder.path().string(), options);
  writer.add_scalar("a", 1, 1);
  EXPECT_EQ(read_events(writer.path()).size(), 1u);
  now = 105;
  writer.add_scalar("a", 2, 2);
  EXPECT_EQ(read_events(writer.path()).size(), 3u);
}

TEST(EventReader, CutsAndFlippedBitsAreReported) {
  TempFolder folder;
  const std::string bytes = slurp(written_file(folder));
  const std::string path = folder / "damaged";
  std::vector<size_t> ends = {0};
  for (size_t at = 0; at < bytes.size(); ends.push_back(at)) {
    at += 16 + static_cast<unsigned char>(bytes[at]) +
          256 * static_cast<size_t>(static_cast<unsigned char>(bytes[at + 1]));
  }
  for (size_t size = 0; size < bytes.size(); size += size % 331 < 40 ? 1 : 83) {
    spill(path, bytes.substr(0, size));
    const auto next = std::upper_bound(ends.begin(), ends.end(), size);
    if (*(next - 1) == size) {
      EXPECT_NO_THROW(read_events(path));
    } else {
      EXPECT_ERROR(IoError, read_events(path),
                   str("record ", next - ends.begin(), " at byte ", *(next - 1),
                       ": it is cut off: got ", size - *(next - 1), " bytes"));
    }
  }
  for (size_t i = 0; i < bytes.size(); i += i < 64 ? 1 : 61) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ (1 << (i % 8)));
    spill(path, damaged);
    EXPECT_ERROR(IoError, read_events(path), "damaged");
  }
}

TEST(EventWriter, AFullDiskIsAnErrorOnceAndForAll) {
  TempFolder folder;
  EventWriter writer(folder.path().string());
  writer.add_scalar("a", 1, 1);
  {
    const taper::testing::FaultScope full(0, ENOSPC);
    EXPECT_ERROR(IoError, writer.flush(), "No space left on device");
  }
  EXPECT_ERROR(IoError, writer.flush(), "an earlier write failed");
  EXPECT_EQ(read_events(writer.path()).size(), 1u);
}

TEST(EventReader, AMessageThatIsNoneIsReported) {
  TempFolder folder;
  std::string bytes;
  append_record(bytes, "\x2a\x7f");
  spill(folder / "f", bytes);
  EXPECT_ERROR(IoError, read_events(folder / "f"),
               "record 1 at byte 0: field 5 claims 127 bytes where 0 are left");
}

TEST(EventWriter, RefusesImagesOfAnotherForm) {
  TempFolder folder;
  EventWriter writer(folder.path().string());
  EXPECT_ERROR(ShapeError, writer.add_images("a", ones({2, 4, 5}), 1), "add_images: got images");
  EXPECT_ERROR(ShapeError, writer.add_images("a", ones({2, 2, 4, 5}), 1), "[2, 2, 4, 5]");
  EXPECT_ERROR(ShapeError, writer.add_images("a", ones({0, 3, 4, 5}), 1), "0 images");
  EXPECT_ERROR(ShapeError, writer.add_images("a", ones({1, 3, 4, 5}), 1, 0), "0 columns");
  EXPECT_ERROR(ShapeError, writer.add_images("a", Tensor(), 1), "add_images: got images");
}

TEST(Diagnostics, WritesParametersAndTheGradientsThatAre) {
  TempFolder folder;
  nn::Linear layer(2, 3);
  EventWriter writer(folder.path().string());
  write_histograms(writer, *layer, 1);
  EXPECT_TRUE(gradient_norms(*layer).empty());
  layer->forward(ones({1, 2})).sum().backward();
  write_histograms(writer, *layer, 2);
  writer.flush();
  std::vector<std::string> tags;
  for (const Event& event : read_events(writer.path())) {
    if (event.kind == Kind::kHistogram) tags.push_back(event.tag);
  }
  EXPECT_EQ(tags, (std::vector<std::string>{"weights/weight", "weights/bias", "weights/weight",
                                            "gradients/weight", "weights/bias", "gradients/bias"}));
  const MetricsLog::Values norms = gradient_norms(*layer);
  ASSERT_EQ(norms.size(), 2u);
  EXPECT_EQ(norms[0].first, "grad_norm/weight");
  EXPECT_NEAR(norms[0].second.number(), std::sqrt(6.0), 1e-6);
}

}  // namespace
}  // namespace taper::train
