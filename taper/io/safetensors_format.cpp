#include "taper/io/safetensors_format.h"

#include <algorithm>
#include <cstring>
#include <unordered_map>
#include <unordered_set>

#include "taper/base/error.h"
#include "taper/core/sizes.h"
#include "taper/io/bytes.h"
#include "taper/io/checksum.h"
#include "taper/io/json_text.h"
#include "taper/io/safetensors_parse.h"

namespace taper::io {
namespace {

bool is_reserved(std::string_view key) {
  return key == kFormatKey || key == kHeaderChecksumKey ||
         key.substr(0, kChecksumPrefix.size()) == kChecksumPrefix;
}

// Header and length as the file holds them.
uint64_t read_length(const ByteSource& source) {
  auto fail = [&](const auto&... parts) {
    detail::fail<IoError>("safetensors file ", quote_path(source.name()), ": ", parts...);
  };
  if (source.size() < kLengthBytes) {
    fail("truncated: ", source.size(), " bytes, expected the header's length in the first ",
         kLengthBytes);
  }
  unsigned char raw[kLengthBytes];
  source.read(0, raw, sizeof(raw));
  uint64_t length = 0;
  for (size_t i = kLengthBytes; i-- > 0;) length = length << 8 | raw[i];
  if (length > kLargestHeader) {
    fail("byte 0: the header's length is ", length, ", expected at most ", kLargestHeader);
  }
  if (length > source.size() - kLengthBytes) {
    fail("byte 0: the header's length is ", length, ", but the file ends after ",
         source.size() - kLengthBytes, " bytes more (truncated?)");
  }
  return length;
}

// Takes the checksums out of the metadata; checks the header's own, which was computed with zeros
// in its place.
void take_checksums(const ByteSource& source, std::string& text, ParsedHeader& parsed,
                    SafetensorsHeader& header) {
  auto fail = [&](const auto&... parts) {
    detail::fail<IoError>("safetensors file ", quote_path(source.name()), ": ", parts...);
  };
  std::unordered_map<std::string_view, SafetensorsEntry*> by_name;
  for (SafetensorsEntry& entry : header.tensors) by_name.emplace(entry.name, &entry);
  size_t found = 0, own_position = 0;
  std::string own;
  for (size_t i = 0; i < parsed.metadata.size(); ++i) {
    auto& [key, value] = parsed.metadata[i];
    if (!is_reserved(key)) {
      header.metadata.emplace_back(std::move(key), std::move(value));
      continue;
    }
    header.checked = true;
    if (key == kFormatKey) {
      if (value != kFormatValue) {
        fail("written by a newer Taper: ", kFormatKey, " is ", quote_name(value), ", expected ",
             kFormatValue);
      }
    } else if (key == kHeaderChecksumKey) {
      own = value;
      own_position = parsed.metadata_positions[i];
    } else {
      const auto entry = by_name.find(std::string_view(key).substr(kChecksumPrefix.size()));
      if (entry == by_name.end()) fail("damaged: a checksum, ", quote_name(key), ", of no tensor");
      entry->second->checksum = value;
      ++found;
    }
  }
  if (!header.checked) return;
  if (own.size() != kChecksumDigits || found != header.tensors.size()) {
    fail("damaged: of ", header.tensors.size() + 1, " checksums, ",
         header.tensors.size() - found + (own.size() != kChecksumDigits), " are missing");
  }
  text.replace(own_position, kChecksumDigits, kChecksumDigits, '0');
  const std::string computed = checksum(text.data(), text.size());
  if (computed != own) {
    fail("damaged header (bytes 8 to ", kLengthBytes + text.size(), "): its XXH3 checksum is ",
         computed, ", expected ", quote_name(own));
  }
}

// Sizes and offsets of each tensor by itself; then all of them side by side.
void check_layout(const ByteSource& source, const ParsedHeader& parsed,
                  std::vector<SafetensorsEntry>& tensors, uint64_t data_bytes) {
  auto fail = [&](size_t i, const auto&... parts) {
    const SafetensorsEntry& entry = tensors[i];
    detail::fail<IoError>("safetensors file ", quote_path(source.name()), ": header byte ",
                          kLengthBytes + parsed.tensors[i].position, ": tensor ",
                          quote_name(entry.name), " (", safetensors_dtype(entry.dtype), " ",
                          IntArrayRef(entry.sizes), ", data_offsets [", entry.begin, ", ",
                          entry.end, "]): ", parts...);
  };
  std::vector<size_t> order;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const SafetensorsEntry& entry = tensors[i];
    int64_t bytes = elementSize(entry.dtype);
    try {
      bytes *= checked_numel("sizes", entry.sizes, bytes);
    } catch (const ShapeError& error) {
      fail(i, error.what());
    }
    if (entry.begin > entry.end) fail(i, "it begins after its end");
    if (entry.end > data_bytes) {
      fail(i, "it ends past the data, which has ", data_bytes, " bytes (truncated?)");
    }
    if (entry.end - entry.begin != static_cast<uint64_t>(bytes)) {
      fail(i, "the offsets give ", entry.end - entry.begin, " bytes, expected ", bytes);
    }
    order.push_back(i);
  }
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return std::pair(tensors[a].begin, tensors[a].end) <
           std::pair(tensors[b].begin, tensors[b].end);
  });
  uint64_t end = 0;
  for (size_t i : order) {
    if (tensors[i].begin != end) {
      fail(i, tensors[i].begin > end ? "a hole" : "an overlap",
           " before it: expected its start at ", end);
    }
    end = tensors[i].end;
  }
  if (end != data_bytes) {
    detail::fail<IoError>("safetensors file ", quote_path(source.name()), ": ", data_bytes - end,
                          " bytes after the last tensor, which ends at byte ",
                          source.size() - data_bytes + end);
  }
}

}  // namespace

SafetensorsHeader read_safetensors_header(const ByteSource& source) {
  const uint64_t length = read_length(source);
  std::string text(length, '\0');
  source.read(kLengthBytes, text.data(), text.size());
  ParsedHeader parsed = parse_safetensors_header(text, source.name());
  SafetensorsHeader header;
  for (ParsedHeader::Tensor& tensor : parsed.tensors) {
    header.tensors.push_back(std::move(tensor.entry));
  }
  const uint64_t data_start = kLengthBytes + length;
  check_layout(source, parsed, header.tensors, source.size() - data_start);
  take_checksums(source, text, parsed, header);
  for (SafetensorsEntry& entry : header.tensors) {
    entry.begin += data_start;
    entry.end += data_start;
  }
  return header;
}

void read_safetensors_entry(const ByteSource& source, const SafetensorsEntry& entry, void* to,
                            bool verify) {
  const size_t count = static_cast<size_t>(entry.end - entry.begin);
  source.read(entry.begin, to, count);
  auto fail = [&](const auto&... parts) {
    detail::fail<IoError>("safetensors file ", quote_path(source.name()), ": tensor ",
                          quote_name(entry.name), " (bytes ", entry.begin, " to ", entry.end,
                          "): ", parts...);
  };
  if (verify && !entry.checksum.empty()) {
    const std::string computed = checksum(to, count);
    if (computed != entry.checksum) {
      fail("damaged: its XXH3 checksum is ", computed, ", expected ", quote_name(entry.checksum));
    }
  }
  if (entry.dtype == kBool) {
    const size_t wrong = find_wrong_bool(to, count);
    if (wrong != count) {
      fail("the boolean at byte ", entry.begin + wrong, " is ",
           static_cast<const unsigned char*>(to)[wrong], ", expected 0 or 1");
    }
  }
}

namespace {

size_t byte_count(const SafetensorsItem& item) {
  const int64_t width = elementSize(item.dtype);
  return static_cast<size_t>(checked_numel("write_safetensors", item.sizes, width) * width);
}

void check_items(const std::string& path, const std::vector<SafetensorsItem>& items,
                 const Metadata& metadata) {
  auto fail = [&](const auto&... parts) {
    detail::fail<IoError>("cannot write ", quote_path(path), ": ", parts...);
  };
  std::unordered_set<std::string_view> names;
  for (const SafetensorsItem& item : items) {
    if (item.name.empty() || item.name == "__metadata__" || !is_utf8(item.name)) {
      fail("the tensor name ", quote_name(item.name), " is empty, reserved or not UTF-8");
    }
    if (!names.insert(item.name).second) fail("two tensors named ", quote_name(item.name));
    if (safetensors_dtype(item.dtype) == nullptr) {
      fail("tensor ", quote_name(item.name), " has no dtype of the format, but ", item.dtype);
    }
  }
  std::unordered_set<std::string_view> keys;
  for (const auto& [key, value] : metadata) {
    if (is_reserved(key)) fail("the metadata key ", quote_name(key), " is reserved");
    if (!is_utf8(key) || !is_utf8(value)) fail("metadata ", quote_name(key), " is not UTF-8");
    if (!keys.insert(key).second) fail("two metadata keys ", quote_name(key));
  }
}

// Wide types first, so that each tensor's bytes are aligned to its elements in a mapped file.
std::vector<size_t> data_order(const std::vector<SafetensorsItem>& items) {
  std::vector<size_t> order(items.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return elementSize(items[a].dtype) > elementSize(items[b].dtype);
  });
  return order;
}

void append_member(std::string& text, std::string_view key, std::string_view value) {
  append_json_string(text, key);
  text += ':';
  append_json_string(text, value);
}

// The header with its checksum, padded to a multiple of 8 bytes.
std::string make_header(const std::vector<SafetensorsItem>& items, const Metadata& metadata,
                        const std::vector<size_t>& order) {
  std::string text = "{\"__metadata__\":{";
  for (const auto& [key, value] : metadata) {
    append_member(text, key, value);
    text += ',';
  }
  append_member(text, kFormatKey, kFormatValue);
  text += ',';
  append_member(text, kHeaderChecksumKey, std::string(kChecksumDigits, '0'));
  const size_t own_position = text.size() - 1 - kChecksumDigits;
  for (const SafetensorsItem& item : items) {
    text += ',';
    append_member(text, std::string(kChecksumPrefix) + item.name,
                  checksum(item.data, byte_count(item)));
  }
  text += '}';
  std::vector<uint64_t> begins(items.size());
  uint64_t end = 0;
  for (size_t i : order) {
    begins[i] = end;
    end += byte_count(items[i]);
  }
  for (size_t i = 0; i < items.size(); ++i) {
    text += ',';
    append_json_string(text, items[i].name);
    text += str(":{\"dtype\":\"", safetensors_dtype(items[i].dtype), "\",\"shape\":[");
    for (size_t d = 0; d < items[i].sizes.size(); ++d) {
      if (d != 0) text += ',';
      detail::append(text, items[i].sizes[d]);
    }
    text += str("],\"data_offsets\":[", begins[i], ',', begins[i] + byte_count(items[i]), "]}");
  }
  text += '}';
  text.append((8 - text.size() % 8) % 8, ' ');
  text.replace(own_position, kChecksumDigits, checksum(text.data(), text.size()));
  return text;
}

}  // namespace

void write_safetensors(const std::string& path, const std::vector<SafetensorsItem>& items,
                       const Metadata& metadata) {
  check_items(path, items, metadata);
  const std::vector<size_t> order = data_order(items);
  const std::string header = make_header(items, metadata, order);
  TAPER_CHECK_AS(IoError, header.size() <= kLargestHeader, "cannot write ", quote_path(path),
                 ": the header has ", header.size(), " bytes, expected at most ", kLargestHeader);
  unsigned char length[kLengthBytes];
  for (size_t i = 0; i < kLengthBytes; ++i) {
    length[i] = static_cast<unsigned char>(header.size() >> (8 * i));
  }
  AtomicFile file(path);
  file.write(length, sizeof(length));
  file.write(header.data(), header.size());
  for (size_t i : order) file.write(items[i].data, byte_count(items[i]));
  file.commit();
}

}  // namespace taper::io
