#include "taper/base/error.h"
#include "taper/base/file.h"
#include "taper/train/event_format.h"
#include "taper/train/event_numbers.h"
#include "taper/train/events.h"

namespace taper::train {
namespace {

constexpr uint64_t kHeadBytes = 12, kTailBytes = 4;

uint64_t number_of(const unsigned char* bytes, int count) {
  uint64_t value = 0;
  while (count-- > 0) value = value << 8 | bytes[count];
  return value;
}

std::string_view view_of(const ByteBuffer& bytes, size_t count) {
  return {reinterpret_cast<const char*>(bytes.data()), count};
}

/// Reads a file's records one by one.
class Records {
 public:
  explicit Records(const std::string& path) : file_(path) {}

  /// The next record's message; false at the end.
  bool next(std::string_view& message) {
    if (at_ == file_.size()) return false;
    ++number_;
    const uint64_t left = file_.size() - at_;
    unsigned char head[kHeadBytes];
    if (left < kHeadBytes) cut_off(left, kHeadBytes);
    file_.read(at_, head, kHeadBytes);
    const std::string_view length_bytes(reinterpret_cast<const char*>(head), 8);
    if (masked_crc32c(length_bytes) != number_of(head + 8, 4)) fail("its length is damaged");
    const uint64_t length = number_of(head, 8);
    if (left - kHeadBytes < kTailBytes || length > left - kHeadBytes - kTailBytes) {
      cut_off(left, length);
    }
    bytes_ = ByteBuffer(static_cast<size_t>(length + kTailBytes));
    file_.read(at_ + kHeadBytes, bytes_.data(), bytes_.size());
    message = view_of(bytes_, static_cast<size_t>(length));
    if (masked_crc32c(message) != number_of(bytes_.data() + length, 4)) fail("it is damaged");
    next_ = at_ + kHeadBytes + length + kTailBytes;
    return true;
  }
  void advance() { at_ = next_; }

  template <class... Parts>
  [[noreturn]] void fail(const Parts&... parts) const {
    detail::fail<IoError>("event file ", quote_path(file_.name()), ": record ", number_,
                          " at byte ", at_, ": ", parts...);
  }

 private:
  [[noreturn]] void cut_off(uint64_t left, uint64_t wanted) const {
    fail("it is cut off: got ", left, " bytes, expected a record of ", wanted,
         wanted == kHeadBytes ? " bytes at least" : " bytes and their frame of 16");
  }

  InputFile file_;
  uint64_t at_ = 0, next_ = 0;
  int64_t number_ = 0;
  ByteBuffer bytes_;
};

std::string_view field_of(std::string_view message, uint32_t field) {
  std::string_view found;
  for (MessageReader reader(message); reader.next();) {
    if (reader.field() == field) found = reader.bytes();
  }
  return found;
}

double count_of(std::string_view histogram) {
  double count = 0;
  for (MessageReader reader(histogram); reader.next();) {
    if (reader.field() == proto::kHistogramCount) count = reader.real();
  }
  return count;
}

Event value_of(std::string_view message, Event event) {
  for (MessageReader reader(message); reader.next();) {
    const std::string_view bytes = reader.bytes();
    switch (reader.field()) {
      case proto::kValueTag:
        event.tag = bytes;
        break;
      case proto::kValueScalar:
        event.kind = Event::Kind::kScalar;
        event.value = reader.real();
        break;
      case proto::kValueHistogram:
        event.kind = Event::Kind::kHistogram;
        event.value = count_of(bytes);
        break;
      case proto::kValueImage:
        event.kind = Event::Kind::kImage;
        event.text = field_of(bytes, proto::kImagePng);
        break;
      case proto::kValueTensor:
        event.text = field_of(bytes, proto::kTensorText);
        break;
      case proto::kValueMetadata:
        if (field_of(field_of(bytes, proto::kMetadataPlugin), proto::kPluginName) == "text") {
          event.kind = Event::Kind::kText;
        }
        break;
      default:
        break;
    }
  }
  return event;
}

void add_events(std::string_view message, std::vector<Event>& events) {
  Event common;
  std::string_view summary;
  for (MessageReader reader(message); reader.next();) {
    switch (reader.field()) {
      case proto::kEventTime:
        common.wall_time = reader.real();
        break;
      case proto::kEventStep:
        common.step = reader.integer();
        break;
      case proto::kEventVersion:
        common.kind = Event::Kind::kVersion;
        common.text = reader.bytes();
        break;
      case proto::kEventSession:
        common.kind = Event::Kind::kRestart;
        break;
      case proto::kEventSummary:
        summary = reader.bytes();
        break;
      default:
        break;
    }
  }
  if (summary.empty()) return events.push_back(common);
  for (MessageReader reader(summary); reader.next();) {
    if (reader.field() == proto::kSummaryValue) {
      events.push_back(value_of(reader.bytes(), common));
    }
  }
}

}  // namespace

std::vector<Event> read_events(const std::string& path) {
  std::vector<Event> events;
  Records records(path);
  for (std::string_view message; records.next(message); records.advance()) {
    try {
      add_events(message, events);
    } catch (const IoError& error) {
      records.fail(error.what());
    }
  }
  return events;
}

}  // namespace taper::train
