#include "taper/io/zip.h"

#include <gtest/gtest.h>

#include <string>

#include "taper/base/error.h"
#include "tests/support/expect_error.h"

namespace taper::io {
namespace {

struct Content {
  std::string name, text;
  bool deflate = false;
};

std::string archive(const std::vector<Content>& members, size_t alignment = 1) {
  std::string bytes;
  ZipWriter writer(
      [&](const void* data, size_t size) { bytes.append(static_cast<const char*>(data), size); });
  for (const Content& member : members) {
    const size_t half = member.text.size() / 2;
    writer.add(member.name,
               {{member.text.data(), half}, {member.text.data() + half, member.text.size() - half}},
               member.deflate, alignment);
  }
  writer.finish();
  return bytes;
}

/// All members, "name=text;".
std::string content(const std::string& bytes, const ZipLimits& limits = {}) {
  const MemorySource source(bytes.data(), bytes.size(), "a");
  const ZipReader reader(source, "zip", limits);
  std::string all;
  for (const ZipMember& member : reader.members()) {
    std::string text(member.size, '\0');
    reader.read(member, text.data());
    all += member.name + "=" + text + ";";
  }
  return all;
}

std::string little(uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i));
  return text;
}

const std::vector<Content> kTwo = {{"a", "hello"}, {"b/c", std::string(1000, 'x'), true}};

TEST(Zip, ReadsWhatItWrites) {
  EXPECT_EQ(content(archive({})), "");
  EXPECT_EQ(content(archive(kTwo)), "a=hello;b/c=" + std::string(1000, 'x') + ";");
  EXPECT_EQ(content(archive({{"e", ""}, {"d", "", true}, {"folder/", ""}})), "e=;d=;");
}

TEST(Zip, FindsByName) {
  const std::string bytes = archive(kTwo);
  const MemorySource source(bytes.data(), bytes.size(), "a");
  const ZipReader reader(source, "zip");
  ASSERT_NE(reader.find("b/c"), nullptr);
  EXPECT_EQ(reader.find("b/c")->size, 1000u);
  EXPECT_EQ(reader.find("b"), nullptr);
  EXPECT_EQ(reader.find("z"), nullptr);
}

TEST(Zip, AlignsWhatIsStored) {
  const std::string bytes = archive({{"a", "hello"}, {"bb", "x"}, {"ccc", ""}}, 64);
  const MemorySource source(bytes.data(), bytes.size(), "a");
  const ZipReader reader(source, "zip");
  for (const ZipMember& member : reader.members()) {
    EXPECT_EQ(member.data % 64, 0u) << member.name;
  }
  EXPECT_EQ(content(bytes), "a=hello;bb=x;ccc=;");
}

TEST(Zip, ReadsZip64Records) {
  std::string bytes = archive(kTwo);
  const std::string end = bytes.substr(bytes.size() - 22);
  bytes.resize(bytes.size() - 22);
  const uint64_t at = bytes.size();
  auto field = [&](size_t place) {
    uint64_t value = 0;
    for (int i = 3; i >= 0; --i) value = value << 8 | static_cast<unsigned char>(end[place + i]);
    return value;
  };
  auto with = [&](uint64_t count, uint64_t locator) {
    return bytes + "PK\6\6" + little(44, 8) + little(45, 2) + little(45, 2) + little(0, 8) +
           little(count, 8) + little(count, 8) + little(field(12), 8) + little(field(16), 8) +
           "PK\6\7" + little(0, 4) + little(locator, 8) + little(1, 4);
  };
  EXPECT_EQ(content(with(2, at) + end), content(archive(kTwo)));
  std::string saturated = end;
  saturated.replace(8, 12, std::string(12, '\xff'));
  EXPECT_EQ(content(with(2, at) + saturated), content(archive(kTwo)));
  EXPECT_ERROR(IoError, content(with(1, at) + end), "end records disagree");
  EXPECT_ERROR(IoError, content(with(1, at) + saturated), "bytes after its directory");
  EXPECT_ERROR(IoError, content(with(2, at + 1) + end), "zip64 locator");
  EXPECT_ERROR(IoError, content(with(2, at - 1) + end), "zip64 end record");
  EXPECT_ERROR(IoError, content(with(uint64_t{1} << 60, at) + saturated), "expected at most");
}

TEST(Zip, RefusesContradictions) {
  const std::string good = archive({{"ab", "hello"}, {"cd", "world"}});
  auto broken = [&](size_t at, const std::string& with) {
    std::string bytes = good;
    return bytes.replace(at, with.size(), with);
  };
  const size_t entry = good.find("PK\1\2"), second = good.find("PK\1\2", entry + 1);
  EXPECT_ERROR(IoError, content(broken(30, "x")), "its header has another name");
  EXPECT_ERROR(IoError, content(broken(entry + 46, "x")), "its header has another name");
  EXPECT_ERROR(IoError, content(broken(6, "\1")), "other flags");
  EXPECT_ERROR(IoError, content(broken(entry + 8, "\1")), "is encrypted");
  EXPECT_ERROR(IoError, content(broken(entry + 10, "\14")), "method 12");
  EXPECT_ERROR(IoError, content(broken(entry + 16, "\1")), "another size or checksum");
  EXPECT_ERROR(IoError, content(broken(32, "j")), "is damaged: its CRC-32");
  EXPECT_ERROR(IoError, content(broken(second + 42, std::string("\0", 1))), "another name");
  EXPECT_ERROR(IoError, content(broken(second + 42, "\xff\xff")), "outside the file");
  EXPECT_ERROR(IoError, content(broken(good.size() - 2, "\1")), "no zip archive");
  EXPECT_ERROR(IoError, content(good + "x"), "no zip archive");
  EXPECT_ERROR(IoError, content("x" + good), "damaged zip");
  EXPECT_ERROR(IoError, content(good + good), "damaged zip");
  EXPECT_ERROR(IoError, content(archive({{"a", "1"}, {"a", "2"}})), "two members named 'a'");
  for (const char* name : {"../x", "/x", "C:\\x", "a/../b", ""}) {
    EXPECT_ERROR(IoError, content(archive({{name, "1"}})), "the name is refused");
  }
  EXPECT_ERROR(IoError, content(archive({{std::string("a\0b", 3), "1"}})), "the name is refused");
  // A link, as Info-ZIP stores it: made by Unix, mode 0120777.
  std::string link = good;
  link[entry + 5] = 3;
  link.replace(entry + 38, 4, little(0120777u << 16, 4));
  EXPECT_ERROR(IoError, content(link), "is a symbolic link");
  EXPECT_ERROR(IoError, content(archive({{"folder/", "text"}})), "a folder with content");
}

TEST(Zip, RefusesOverlapsAndBombs) {
  // Two entries of the directory that tell of one member.
  std::string bytes = archive({{"a", "hello"}, {"a", "hello"}});
  const size_t entry = bytes.find("PK\1\2"), second = bytes.find("PK\1\2", entry + 1);
  bytes.replace(second + 42, 4, std::string(4, '\0'));
  EXPECT_ERROR(IoError, content(bytes), "overlaps the next one");
  const std::string bomb = archive({{"a", std::string(1 << 20, 'a'), true}});
  EXPECT_EQ(content(bomb).size(), (1u << 20) + 3);
  EXPECT_ERROR(IoError, content(bomb, {.free_bytes = 1 << 16, .max_ratio = 100}),
               "compressed members claim 1048576 bytes");
  EXPECT_ERROR(IoError, content(archive(kTwo), {.max_members = 1}), "2 members");
}

}  // namespace
}  // namespace taper::io
