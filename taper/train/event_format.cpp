#include "taper/train/event_format.h"

#include <array>
#include <bit>

#include "taper/base/error.h"

namespace taper::train {
namespace {

// The eight tables of slicing by eight: kTables[k][b] is the checksum of byte b and k zeros.
using CrcTables = std::array<std::array<uint32_t, 256>, 8>;
constexpr CrcTables make_tables() {
  CrcTables tables{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78u : 0u);
    tables[0][byte] = crc;
  }
  for (size_t k = 1; k < 8; ++k) {
    for (size_t byte = 0; byte < 256; ++byte) {
      const uint32_t before = tables[k - 1][byte];
      tables[k][byte] = (before >> 8) ^ tables[0][before & 255];
    }
  }
  return tables;
}
constexpr CrcTables kTables = make_tables();

uint64_t little_endian(std::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = bytes.size(); i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

void append_little_endian(std::string& out, uint64_t value, int count) {
  for (int i = 0; i < count; ++i, value >>= 8) out += static_cast<char>(value & 255);
}

constexpr uint32_t kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5;

}  // namespace

uint32_t crc32c(std::string_view bytes) {
  uint32_t crc = ~uint32_t{0};
  for (; bytes.size() >= 8; bytes.remove_prefix(8)) {
    const uint64_t word = little_endian(bytes.substr(0, 8)) ^ crc;
    crc = 0;
    for (size_t k = 0; k < 8; ++k) crc ^= kTables[7 - k][(word >> (8 * k)) & 255];
  }
  for (const char c : bytes) {
    crc = (crc >> 8) ^ kTables[0][(crc ^ static_cast<unsigned char>(c)) & 255];
  }
  return ~crc;
}

uint32_t masked_crc32c(std::string_view bytes) {
  const uint32_t crc = crc32c(bytes);
  return std::rotr(crc, 15) + 0xa282ead8u;
}

void append_record(std::string& out, std::string_view message) {
  std::string length;
  append_little_endian(length, message.size(), 8);
  out += length;
  append_little_endian(out, masked_crc32c(length), 4);
  out += message;
  append_little_endian(out, masked_crc32c(message), 4);
}

void MessageWriter::put_varint(uint64_t value) {
  for (; value >= 128; value >>= 7) bytes_ += static_cast<char>(value | 128);
  bytes_ += static_cast<char>(value);
}

void MessageWriter::put(double value) {
  append_little_endian(bytes_, std::bit_cast<uint64_t>(value), 8);
}

MessageWriter& MessageWriter::add_int(uint32_t field, int64_t value) {
  put_varint(field << 3 | kVarint);
  put_varint(static_cast<uint64_t>(value));
  return *this;
}

MessageWriter& MessageWriter::add_double(uint32_t field, double value) {
  put_varint(field << 3 | kFixed64);
  put(value);
  return *this;
}

MessageWriter& MessageWriter::add_float(uint32_t field, float value) {
  put_varint(field << 3 | kFixed32);
  append_little_endian(bytes_, std::bit_cast<uint32_t>(value), 4);
  return *this;
}

MessageWriter& MessageWriter::add_bytes(uint32_t field, std::string_view bytes) {
  put_varint(field << 3 | kBytes);
  put_varint(bytes.size());
  bytes_ += bytes;
  return *this;
}

uint64_t MessageReader::varint() {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    TAPER_CHECK_AS(IoError, !bytes_.empty(), "a number is cut off");
    const uint64_t byte = static_cast<unsigned char>(bytes_.front());
    bytes_.remove_prefix(1);
    value |= (byte & 127) << shift;
    if (byte < 128) return value;
  }
  detail::fail<IoError>("a number is longer than 64 bits");
}

uint64_t MessageReader::fixed(size_t count) {
  TAPER_CHECK_AS(IoError, bytes_.size() >= count, "a number is cut off");
  const uint64_t value = little_endian(bytes_.substr(0, count));
  bytes_.remove_prefix(count);
  return value;
}

bool MessageReader::next() {
  if (bytes_.empty()) return false;
  const uint64_t key = varint();
  TAPER_CHECK_AS(IoError, key >> 3 != 0 && key >> 3 < (1u << 29), "a field has the number ",
                 key >> 3);
  field_ = static_cast<uint32_t>(key >> 3);
  form_ = static_cast<uint32_t>(key & 7);
  number_ = 0;
  value_ = {};
  switch (form_) {
    case kVarint:
      number_ = varint();
      return true;
    case kFixed64:
      number_ = fixed(8);
      return true;
    case kFixed32:
      number_ = fixed(4);
      return true;
    case kBytes: {
      const uint64_t count = varint();
      TAPER_CHECK_AS(IoError, count <= bytes_.size(), "field ", field_, " claims ", count,
                     " bytes where ", bytes_.size(), " are left");
      value_ = bytes_.substr(0, static_cast<size_t>(count));
      bytes_.remove_prefix(static_cast<size_t>(count));
      return true;
    }
    default:
      detail::fail<IoError>("field ", field_, " has the unknown form ", form_);
  }
}

double MessageReader::real() const {
  if (form_ == kFixed64) return std::bit_cast<double>(number_);
  if (form_ == kFixed32) return std::bit_cast<float>(static_cast<uint32_t>(number_));
  return 0;
}

}  // namespace taper::train
