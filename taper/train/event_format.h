#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace taper::train {

// What event files are made of: records with checksums, each a message in protocol buffers' wire
// format.

/// The Castagnoli CRC of the bytes, and the form in which records hold it.
uint32_t crc32c(std::string_view bytes);
uint32_t masked_crc32c(std::string_view bytes);
/// Appends a record: the length of the message, that number's checksum, the message, its checksum.
void append_record(std::string& out, std::string_view message);

/// Writes a message field by field.
class MessageWriter {
 public:
  MessageWriter& add_int(uint32_t field, int64_t value);
  MessageWriter& add_double(uint32_t field, double value);
  MessageWriter& add_float(uint32_t field, float value);
  /// Text, bytes, or a message.
  MessageWriter& add_bytes(uint32_t field, std::string_view bytes);
  MessageWriter& add_bytes(uint32_t field, const MessageWriter& message) {
    return add_bytes(field, message.bytes());
  }
  template <class Doubles>
  MessageWriter& add_packed(uint32_t field, const Doubles& values) {
    MessageWriter packed;
    for (const double value : values) packed.put(value);
    return add_bytes(field, packed);
  }
  const std::string& bytes() const { return bytes_; }

 private:
  void put_varint(uint64_t value);
  void put(double value);

  std::string bytes_;
};

/// Walks the fields of a message; it trusts nothing.
class MessageReader {
 public:
  explicit MessageReader(std::string_view bytes) : bytes_(bytes) {}

  /// Moves to the next field; false at the end. Throws IoError saying what is wrong.
  bool next();
  uint32_t field() const { return field_; }
  /// The field's value as what the format says it is; 0 or empty when it has another form.
  int64_t integer() const { return form_ == 0 ? static_cast<int64_t>(number_) : 0; }
  double real() const;
  std::string_view bytes() const { return value_; }

 private:
  uint64_t varint();
  uint64_t fixed(size_t count);

  std::string_view bytes_;
  uint32_t field_ = 0;
  uint32_t form_ = 0;
  uint64_t number_ = 0;
  std::string_view value_;
};

}  // namespace taper::train
