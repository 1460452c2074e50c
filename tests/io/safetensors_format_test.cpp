#include "taper/io/safetensors_format.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>

#include "taper/base/error.h"
#include "tests/support/temp_folder.h"

namespace taper::io {
namespace {

using taper::testing::message_of;
using taper::testing::slurp;
using taper::testing::spill;
using taper::testing::TempFolder;

// A file of another writer: length, header, data.
std::string file_of(const std::string& header, const std::string& data = "") {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(header.size() >> (8 * i));
  return bytes + header + data;
}

struct Loaded {
  SafetensorsHeader header;
  std::vector<std::string> bytes;
};

Loaded load(const std::string& file) {
  const MemorySource source(file.data(), file.size(), "test");
  Loaded loaded{read_safetensors_header(source), {}};
  for (const SafetensorsEntry& entry : loaded.header.tensors) {
    std::string bytes(entry.end - entry.begin, '\0');
    read_safetensors_entry(source, entry, bytes.data());
    loaded.bytes.push_back(bytes);
  }
  return loaded;
}

std::string refusal(const std::string& file) {
  return message_of<IoError>([&] { load(file); });
}

#define EXPECT_REFUSED(file, words)                                     \
  do {                                                                  \
    const std::string text = refusal(file);                             \
    EXPECT_NE(text.find(words), std::string::npos) << "got: " << text;  \
    EXPECT_NE(text.find("safetensors file 'test'"), std::string::npos); \
    EXPECT_LT(text.size(), 1000u);                                      \
  } while (false)

const float kReals[6] = {1, -2, 3.5f, 4, 5, 6};
const int64_t kInts[2] = {7, -8};
const unsigned char kBools[3] = {1, 0, 1};

std::vector<SafetensorsItem> sample_items() {
  return {{"flags", kBool, {3}, kBools},
          {"conv.weight", kFloat, {2, 3}, kReals},
          {"steps \"\n\xc3\xa9", kLong, {2, 1}, kInts},
          {"scalar", kFloat, {}, kReals + 2},
          {"empty", kHalf, {0, 5}, nullptr}};
}

std::string sample_file(const Metadata& metadata = {{"format", "pt"}, {"epoch", "3"}}) {
  TempFolder folder;
  write_safetensors(folder / "a", sample_items(), metadata);
  return slurp(folder / "a");
}

TEST(SafetensorsFormat, RoundTrip) {
  const std::string file = sample_file();
  EXPECT_EQ(file, sample_file()) << "the same items give the same bytes";
  const Loaded loaded = load(file);
  const std::vector<SafetensorsItem> items = sample_items();
  ASSERT_EQ(loaded.header.tensors.size(), items.size());
  EXPECT_TRUE(loaded.header.checked);
  for (size_t i = 0; i < items.size(); ++i) {
    const SafetensorsEntry& entry = loaded.header.tensors[i];
    EXPECT_EQ(entry.name, items[i].name);
    EXPECT_EQ(entry.dtype, items[i].dtype);
    EXPECT_EQ(entry.sizes, items[i].sizes);
    EXPECT_EQ(entry.begin % static_cast<uint64_t>(elementSize(entry.dtype)), 0u) << "alignment";
    if (items[i].data == nullptr) continue;
    EXPECT_EQ(std::memcmp(loaded.bytes[i].data(), items[i].data, loaded.bytes[i].size()), 0);
  }
  EXPECT_EQ(loaded.header.metadata, (Metadata{{"format", "pt"}, {"epoch", "3"}}));
}

TEST(SafetensorsFormat, WritesWhatTheFormatAsksFor) {
  const std::string file = sample_file();
  uint64_t length = 0;
  std::memcpy(&length, file.data(), 8);
  const std::string header = file.substr(8, length);
  EXPECT_EQ(header.size() % 8, 0u);
  EXPECT_EQ(header[0], '{');
  EXPECT_NE(header.find(R"("conv.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[16,40]})"),
            std::string::npos)
      << header;
  EXPECT_NE(header.find(R"("taper.xxh3.conv.weight":")"), std::string::npos) << header;
  EXPECT_EQ(std::memcmp(file.data() + 8 + length, kInts, sizeof(kInts)), 0);
}

TEST(SafetensorsFormat, ReadsFilesOfOtherWriters) {
  const std::string plain =
      file_of(R"( {"b":{"dtype":"I8","shape":[2],"data_offsets":[0,2]}})", "xy");
  EXPECT_NE(refusal(plain), "") << "a header starts with a brace";
  const Loaded loaded =
      load(file_of("{\"b\":{\"shape\":[2], "
                   "\"data_offsets\":[0,2],\t\"dtype\":\"I8\"},\"\\u00e9\\ud83d\\ude00\\/\""
                   ":{\"dtype\":\"F64\",\"shape\":[],\"data_offsets\":[2,10]},\"__metadata__\":{"
                   "\"a\":\"b\"}}   ",
                   "xy12345678"));
  ASSERT_EQ(loaded.header.tensors.size(), 2u);
  EXPECT_FALSE(loaded.header.checked);
  EXPECT_EQ(loaded.bytes[0], "xy");
  EXPECT_EQ(loaded.header.tensors[1].name, "\xc3\xa9\xf0\x9f\x98\x80/");
  EXPECT_EQ(loaded.bytes[1], "12345678");
  EXPECT_EQ(loaded.header.metadata, (Metadata{{"a", "b"}}));
  EXPECT_EQ(load(file_of("{}")).header.tensors.size(), 0u);
}

TEST(SafetensorsFormat, RefusesBadLengths) {
  EXPECT_REFUSED("", "truncated");
  EXPECT_REFUSED("1234567", "truncated");
  EXPECT_REFUSED(std::string(8, '\0'), "expected '{'");
  EXPECT_REFUSED(std::string("\x40\0\0\0\0\0\0\0{}", 10), "the file ends after 2 bytes more");
  EXPECT_REFUSED(std::string("\0\0\0\0\0\0\0\x80{}", 10), "expected at most 100000000");
  EXPECT_REFUSED(std::string(8, '\xff') + "{}", "expected at most 100000000");
}

TEST(SafetensorsFormat, RefusesBadJson) {
  const std::string good = R"("dtype":"I8","shape":[1],"data_offsets":[0,1])";
  EXPECT_REFUSED(file_of("\xef\xbb\xbf{}"), "expected '{'");
  EXPECT_REFUSED(file_of("{"), "ends early");
  EXPECT_REFUSED(file_of("{}x"), "text after the JSON object");
  EXPECT_REFUSED(file_of("{}{}"), "text after the JSON object");
  EXPECT_REFUSED(file_of("[]"), "expected '{'");
  EXPECT_REFUSED(file_of(std::string(100'000, '[')), "expected '{'");
  EXPECT_REFUSED(file_of("{\"a\":" + std::string(100'000, '[')), "expected '{'");
  EXPECT_REFUSED(file_of("{\"a\":" + std::string(100'000, '{')), "expected '\"'");
  EXPECT_REFUSED(file_of("{\"a\"}"), "expected ':'");
  EXPECT_REFUSED(file_of("{\"a"), "ends inside a string");
  EXPECT_REFUSED(file_of("{\"a\n\":{}}"), "control character");
  EXPECT_REFUSED(file_of("{\"\xc0\xaf\":{}}"), "not UTF-8");
  EXPECT_REFUSED(file_of("{\"\xff\":{}}"), "not UTF-8");
  EXPECT_REFUSED(file_of("{\"\xed\xa0\x80\":{}}"), "not UTF-8");
  EXPECT_REFUSED(file_of("{\"\\x\":{}}"), "unknown escape");
  EXPECT_REFUSED(file_of("{\"\\ud800\":{}}"), "surrogate");
  EXPECT_REFUSED(file_of("{\"\\ud800\\u0041\":{}}"), "surrogate");
  EXPECT_REFUSED(file_of("{\"\\u00g0\":{}}"), "hexadecimal");
  EXPECT_REFUSED(file_of("{\"a\":{" + good + "},}", "x"), "expected '\"'");
  EXPECT_REFUSED(file_of("{\"a\":{" + good + ",}}", "x"), "expected '\"'");
  EXPECT_REFUSED(file_of("{'a':{" + good + "}}", "x"), "expected '\"'");
  EXPECT_REFUSED(file_of("{\"a\":{" + good + "}/**/}", "x"), "expected '}'");
}

std::string tensor_file(const std::string& dtype, const std::string& shape,
                        const std::string& offsets, const std::string& data = "12345678") {
  return file_of(
      "{\"a\":{\"dtype\":" + dtype + ",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}}",
      data);
}

TEST(SafetensorsFormat, RefusesBadNumbersAndTypes) {
  EXPECT_EQ(refusal(tensor_file("\"F32\"", "[2]", "[0,8]")), "");
  for (const char* shape : {"[NaN]", "[Infinity]", "[-0]", "[-1]", "[1.0]", "[1e0]", "[02]",
                            "[\"2\"]", "[null]", "[[2]]", "[+2]", "[,]"}) {
    EXPECT_REFUSED(tensor_file("\"F32\"", shape, "[0,8]"), "expected a non-negative integer");
  }
  EXPECT_REFUSED(tensor_file("\"F32\"", "[1e999]", "[0,8]"), "non-negative integer");
  EXPECT_REFUSED(tensor_file("\"F32\"", "[18446744073709551616]", "[0,8]"), "beyond 2^63");
  EXPECT_REFUSED(tensor_file("\"F32\"", "[9223372036854775808]", "[0,8]"), "beyond 2^63");
  EXPECT_REFUSED(tensor_file("\"F32\"", "[9223372036854775807]", "[0,8]"), "64 bits");
  EXPECT_REFUSED(tensor_file("\"F32\"", "[4294967296,4294967296,0]", "[0,0]", ""), "64 bits");
  EXPECT_REFUSED(tensor_file("\"F32\"", "2", "[0,8]"), "expected '['");
  std::string many = "[1";
  for (int i = 0; i < 10'000; ++i) many += ",1";
  EXPECT_REFUSED(tensor_file("\"F32\"", many + "]", "[0,4]", "1234"), "more than 64 numbers");
  EXPECT_REFUSED(tensor_file("\"f32\"", "[2]", "[0,8]"), "unknown dtype 'f32'");
  EXPECT_REFUSED(tensor_file("\"F31\"", "[2]", "[0,8]"), "unknown dtype 'F31'");
  EXPECT_REFUSED(tensor_file("7", "[2]", "[0,8]"), "expected '\"'");
  EXPECT_REFUSED(tensor_file("\"U16\"", "[4]", "[0,8]"), "no counterpart");
}

TEST(SafetensorsFormat, RefusesBadOffsets) {
  EXPECT_REFUSED(tensor_file("\"F32\"", "[2]", "[8,0]"), "begins after its end");
  EXPECT_REFUSED(tensor_file("\"F32\"", "[2]", "[1,9]"), "past the data");
  EXPECT_REFUSED(tensor_file("\"F32\"", "[2]", "[-1,7]"), "non-negative integer");
  EXPECT_REFUSED(tensor_file("\"F32\"", "[2]", "[0,4]"), "the offsets give 4 bytes, expected 8");
  EXPECT_REFUSED(tensor_file("\"F32\"", "[2]", "[0]"), "has 1 numbers, expected 2");
  EXPECT_REFUSED(tensor_file("\"F32\"", "[2]", "[0,8,8]"), "more than 2 numbers");
  EXPECT_REFUSED(tensor_file("\"F32\"", "[1]", "[4,8]"), "a hole before it");
  EXPECT_REFUSED(tensor_file("\"F32\"", "[1]", "[0,4]"), "4 bytes after the last tensor");
  EXPECT_REFUSED(file_of("{}", "x"), "1 bytes after the last tensor");
  const std::string two = R"(:{"dtype":"I8","shape":[4],"data_offsets":)";
  EXPECT_REFUSED(file_of("{\"a\"" + two + "[0,4]},\"b\"" + two + "[2,6]}}", "123456"),
                 "tensor 'b' (I8 [4], data_offsets [2, 6]): an overlap before it");
  EXPECT_REFUSED(file_of("{\"a\"" + two + "[0,4]},\"b\"" + two + "[0,4]}}", "1234"), "an overlap");
}

TEST(SafetensorsFormat, RefusesBadNamesAndKeys) {
  const std::string good = R"({"dtype":"I8","shape":[0],"data_offsets":[0,0]})";
  EXPECT_REFUSED(file_of("{\"a\":" + good + ",\"a\":" + good + "}"), "duplicate name 'a'");
  EXPECT_REFUSED(file_of("{\"a\":" + good + ",\"\\u0061\":" + good + "}"), "duplicate name 'a'");
  EXPECT_REFUSED(file_of("{\"\":" + good + "}"), "without a name");
  EXPECT_REFUSED(file_of(R"({"__metadata__":{},"__metadata__":{}})"), "duplicate name");
  EXPECT_REFUSED(file_of(R"({"__metadata__":{"a":"1","a":"1"}})"), "duplicate key 'a'");
  EXPECT_REFUSED(file_of(R"({"__metadata__":{"a":1}})"), "is not a string");
  EXPECT_REFUSED(file_of(R"({"__metadata__":7})"), "expected '{'");
  EXPECT_REFUSED(file_of(R"({"a":{"dtype":"I8","shape":[0]}})"), "data_offsets is missing");
  EXPECT_REFUSED(file_of(R"({"a":{}})"), "dtype is missing");
  EXPECT_REFUSED(file_of(R"({"a":{"dtype":"I8","dtype":"I8"}})"), "duplicate key 'dtype'");
  EXPECT_REFUSED(file_of(R"({"a":{"dtype":"I8","strides":[1]}})"), "unknown key 'strides'");
  // Long and strange names are names; nothing is opened by them, and messages cut them.
  const std::string longest(1'000'000, 'n');
  EXPECT_EQ(load(file_of("{\"" + longest + "\":" + good + "}")).header.tensors[0].name, longest);
  EXPECT_EQ(load(file_of("{\"../../a\":" + good + "}")).header.tensors[0].name, "../../a");
  EXPECT_REFUSED(file_of("{\"" + longest + "\":{\"x\":1}}"), "unknown key");
  EXPECT_EQ(load(file_of("{\"__metadata__\":{\"a\":\"" + std::string(5'000'000, 'v') + "\"}}"))
                .header.metadata[0]
                .second.size(),
            5'000'000u);
}

TEST(SafetensorsFormat, RefusesBooleansOtherThanZeroAndOne) {
  EXPECT_REFUSED(tensor_file("\"BOOL\"", "[3]", "[0,3]", std::string("\0\1\2", 3)),
                 "is 2, expected 0 or 1");
}

TEST(SafetensorsFormat, RefusesWhatCannotBeWritten) {
  TempFolder folder;
  const float x = 1;
  auto text = [&](std::vector<SafetensorsItem> items, const Metadata& metadata = {}) {
    return message_of<IoError>([&] { write_safetensors(folder / "a", items, metadata); });
  };
  EXPECT_NE(text({{"a", kFloat, {}, &x}, {"a", kFloat, {}, &x}}).find("two tensors named 'a'"),
            std::string::npos);
  EXPECT_NE(text({{"", kFloat, {}, &x}}).find("empty"), std::string::npos);
  EXPECT_NE(text({{"__metadata__", kFloat, {}, &x}}).find("reserved"), std::string::npos);
  EXPECT_NE(text({{"\xff", kFloat, {}, &x}}).find("not UTF-8"), std::string::npos);
  EXPECT_NE(text({{"a", ScalarType::Undefined, {}, &x}}).find("no dtype"), std::string::npos);
  EXPECT_NE(text({}, {{"taper.xxh3.a", ""}}).find("reserved"), std::string::npos);
  EXPECT_NE(text({}, {{"a", "1"}, {"a", "2"}}).find("two metadata keys"), std::string::npos);
  EXPECT_NE(text({}, {{"a", "\xff"}}).find("not UTF-8"), std::string::npos);
  EXPECT_EQ(folder.count(), 0);
}

TEST(SafetensorsFormat, RefusesFilesOfNewerVersions) {
  EXPECT_REFUSED(file_of(R"({"__metadata__":{"taper.format":"2"}})"), "newer Taper");
}

// Any byte cut off, flipped or overwritten: the file is refused, by one exception type. Nothing
// loads that was not saved.
TEST(SafetensorsFormat, DetectsEveryDamage) {
  for (const std::string& seed : {sample_file(), [] {
                                    TempFolder folder;
                                    write_safetensors(folder / "a", {});
                                    return slurp(folder / "a");
                                  }()}) {
    ASSERT_EQ(refusal(seed), "");
    for (size_t at = 0; at < seed.size(); ++at) {
      EXPECT_NE(refusal(seed.substr(0, at)), "") << "cut at " << at;
      for (int change = 0; change < 9; ++change) {
        std::string bytes = seed;
        bytes[at] = change < 8 ? static_cast<char>(bytes[at] ^ (1 << change)) : '\xff';
        if (bytes == seed) continue;
        EXPECT_NE(refusal(bytes), "") << "byte " << at << " change " << change;
      }
    }
    EXPECT_NE(refusal(seed + '\0'), "");
    std::mt19937 random(1);
    for (int round = 0; round < 4000; ++round) {
      std::string bytes = seed;
      for (uint32_t block = random() % 4 + 1; block > 0; --block) {
        const size_t begin = random() % bytes.size();
        for (size_t i = begin; i < std::min(bytes.size(), begin + 1 + random() % 32); ++i) {
          bytes[i] = static_cast<char>(random());
        }
      }
      if (bytes == seed) continue;
      EXPECT_NE(refusal(bytes), "") << "round " << round;
    }
  }
}

}  // namespace
}  // namespace taper::io
