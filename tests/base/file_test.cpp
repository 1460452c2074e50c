#include "taper/base/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string>

#include "taper/base/error.h"
#include "tests/support/file_faults.h"
#include "tests/support/temp_folder.h"

namespace taper {
namespace {

using testing::faults;
using testing::FaultScope;
using testing::message_of;
using testing::open_files;
using testing::slurp;
using testing::spill;
using testing::TempFolder;

TEST(InputFile, ReadsRangesAndWholeFiles) {
  TempFolder folder;
  spill(folder / "a", "0123456789");
  const InputFile file(folder / "a");
  EXPECT_EQ(file.size(), 10u);
  char part[4] = {};
  file.read(3, part, 3);
  EXPECT_STREQ(part, "345");
  const ByteBuffer all = read_file(folder / "a");
  EXPECT_EQ(std::string(all.data(), all.data() + all.size()), "0123456789");
  spill(folder / "empty", "");
  EXPECT_EQ(read_file(folder / "empty").size(), 0u);
}

TEST(InputFile, RefusesWhatIsNoRegularFile) {
  TempFolder folder;
  ASSERT_EQ(::mkfifo((folder / "fifo").c_str(), 0600), 0);
  ASSERT_EQ(::symlink((folder / "nothing").c_str(), (folder / "dangling").c_str()), 0);
  auto text = [](const std::string& path) {
    return message_of<IoError>([&] { InputFile file(path); });
  };
  EXPECT_NE(text(folder / "fifo").find("it is a FIFO, expected a regular file"), std::string::npos);
  EXPECT_NE(text(folder.path().string()).find("it is a directory"), std::string::npos);
  EXPECT_NE(text("/dev/zero").find("it is a device"), std::string::npos);
  EXPECT_NE(text(folder / "dangling").find("No such file"), std::string::npos);
  EXPECT_NE(text("").find("name is empty"), std::string::npos);
  EXPECT_NE(text(std::string("a\0b", 3)).find("NUL"), std::string::npos);
}

TEST(InputFile, RefusesReadsPastTheEndAndFilesAboveTheLimit) {
  TempFolder folder;
  spill(folder / "a", "0123456789");
  char part[8];
  const InputFile file(folder / "a");
  const std::string text = message_of<IoError>([&] { file.read(5, part, 8); });
  EXPECT_NE(text.find("it ends at byte 10, expected 3 bytes more"), std::string::npos) << text;
  EXPECT_THROW(file.read(~uint64_t{0}, part, 1), IoError);
  EXPECT_THROW(read_file(folder / "a", 9), IoError);
  // A file that shrinks after it was opened.
  spill(folder / "a", "01");
  EXPECT_THROW(file.read(0, part, 5), IoError);
}

TEST(InputFile, EveryFailingCallIsAnIoErrorOrHarmless) {
  TempFolder folder;
  spill(folder / "a", "0123456789");
  const int before = open_files();
  for (const int error : {EIO, EACCES, EINTR, 0}) {
    for (int at = 0;; ++at) {
      FaultScope scope(at, error);
      std::string content;
      const std::string text = message_of<IoError>([&] {
        const ByteBuffer all = read_file(folder / "a");
        content.assign(all.data(), all.data() + all.size());
      });
      if (!faults.fired) {
        EXPECT_GE(at, 4);
        break;
      }
      if (text.empty()) {
        EXPECT_EQ(content, "0123456789");
      } else {
        EXPECT_NE(text.find("'" + (folder / "a") + "'"), std::string::npos) << text;
        EXPECT_NE(error, 0);
      }
    }
  }
  EXPECT_EQ(open_files(), before);
}

TEST(MemorySource, ChecksRanges) {
  const MemorySource source("abcdef", 6, "memory");
  char part[3] = {};
  source.read(4, part, 2);
  EXPECT_STREQ(part, "ef");
  EXPECT_THROW(source.read(5, part, 2), IoError);
  EXPECT_THROW(source.read(7, part, 0), IoError);
}

TEST(AtomicFile, WritesAndReplaces) {
  TempFolder folder;
  const std::string path = folder / "out";
  std::string big(300'000, 'x');
  for (size_t i = 0; i < big.size(); ++i) big[i] = static_cast<char>(i * 7);
  {
    AtomicFile file(path);
    for (size_t at = 0; at < 1000; ++at) file.write(big.data() + at, 1);
    file.write(big.data() + 1000, big.size() - 1000);
    EXPECT_EQ(slurp(path), "");
    file.commit();
    EXPECT_THROW(file.write("x", 1), IoError);
    EXPECT_THROW(file.commit(), IoError);
  }
  EXPECT_EQ(slurp(path), big);
  write_file(path, "short", 5);
  EXPECT_EQ(slurp(path), "short");
  EXPECT_EQ(folder.count(), 1);
}

TEST(AtomicFile, LeavesTheOldFileWithoutCommit) {
  TempFolder folder;
  spill(folder / "out", "old");
  {
    AtomicFile file(folder / "out");
    file.write("new", 3);
    EXPECT_EQ(folder.count(), 2);
  }
  EXPECT_EQ(slurp(folder / "out"), "old");
  EXPECT_EQ(folder.count(), 1);
}

TEST(AtomicFile, KeepsLinksAndPermissions) {
  TempFolder folder;
  spill(folder / "real", "old");
  ASSERT_EQ(::chmod((folder / "real").c_str(), 0600), 0);
  ASSERT_EQ(::symlink("real", (folder / "link").c_str()), 0);
  write_file(folder / "link", "new", 3);
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link"));
  EXPECT_EQ(slurp(folder / "real"), "new");
  struct ::stat status;
  ASSERT_EQ(::stat((folder / "real").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777u, 0600u);
}

TEST(AtomicFile, RefusesTargetsThatAreNoFiles) {
  TempFolder folder;
  EXPECT_THROW(AtomicFile file(folder.path().string()), IoError);
  EXPECT_THROW(AtomicFile file("/dev/full"), IoError);
  EXPECT_THROW(AtomicFile file(folder / "no/such/folder"), IoError);
  EXPECT_THROW(AtomicFile file(folder / "name/"), IoError);
  EXPECT_THROW(AtomicFile file(""), IoError);
  EXPECT_EQ(folder.count(), 0);
}

TEST(AtomicFile, TakesLongNames) {
  TempFolder folder;
  const std::string name(255, 'n');
  write_file(folder / name, "x", 1);
  EXPECT_EQ(slurp(folder / name), "x");
  EXPECT_EQ(folder.count(), 1);
}

// Every call of a save, made to fail in every way: the file is wholly old or wholly new, old when
// the save reports an error before its last step, and nothing else is left in the folder.
TEST(AtomicFile, SurvivesAFailureOfEveryCall) {
  TempFolder folder;
  const std::string path = folder / "out";
  const std::string old_content(1000, 'o'), new_content(200'000, 'n');
  const int files_before = open_files();
  int failures = 0;
  for (const int error : {ENOSPC, EIO, EINTR, EACCES, EROFS, EDQUOT, 0}) {
    for (int at = 0;; ++at) {
      spill(path, old_content);
      std::string text;
      {
        FaultScope scope(at, error);
        text = message_of<IoError>([&] {
          AtomicFile file(path);
          for (size_t begin = 0; begin < new_content.size(); begin += 10'000) {
            file.write(new_content.data() + begin, 10'000);
          }
          file.commit();
        });
        if (!faults.fired) {
          EXPECT_GE(at, 8);
          break;
        }
      }
      const std::string content = slurp(path);
      EXPECT_EQ(folder.count(), 1) << "call " << at << " error " << error;
      if (text.empty()) {
        EXPECT_EQ(content, new_content) << "call " << at << " error " << error;
      } else if (text.find("the new file is in place") != std::string::npos) {
        EXPECT_EQ(content, new_content) << "call " << at << " error " << error;
      } else {
        ++failures;
        EXPECT_EQ(content, old_content) << "call " << at << " error " << error;
        EXPECT_NE(text.find(path), std::string::npos) << text;
      }
      if (error == 0) {
        EXPECT_EQ(text, "") << "a short write at call " << at;
      }
    }
  }
  EXPECT_GE(failures, 30);
  EXPECT_EQ(open_files(), files_before);
}

TEST(AtomicFile, ReportsAFullDisk) {
  TempFolder folder;
  spill(folder / "out", "old");
  FaultScope scope(1, ENOSPC);  // the first write
  const std::string content(100'000, 'x');
  const std::string text =
      message_of<IoError>([&] { write_file(folder / "out", content.data(), content.size()); });
  EXPECT_NE(text.find("No space left on device"), std::string::npos) << text;
  EXPECT_EQ(slurp(folder / "out"), "old");
  EXPECT_EQ(folder.count(), 1);
}

TEST(LineFile, AppendsWholeLines) {
  TempFolder folder;
  {
    LineFile file(folder / "log", false);
    file.write_line("one");
    file.write_line("two");
  }
  EXPECT_EQ(slurp(folder / "log"), "one\ntwo\n");
  spill(folder / "log", "one\ncut o");
  {
    LineFile file(folder / "log", true);
    file.write_line("two");
  }
  EXPECT_EQ(slurp(folder / "log"), "one\ncut o\ntwo\n");
  { LineFile file(folder / "log", false); }
  EXPECT_EQ(slurp(folder / "log"), "");
  EXPECT_THROW(LineFile file("/dev/full", true), IoError);
}

TEST(LineFile, StartsAfreshAfterAFailedWrite) {
  TempFolder folder;
  LineFile file(folder / "log", false);
  file.write_line("one");
  {
    FaultScope scope(0, ENOSPC);
    EXPECT_THROW(file.write_line("two"), IoError);
  }
  {
    FaultScope scope(0, 0);
    file.write_line("three");
  }
  EXPECT_EQ(slurp(folder / "log"), "one\nthree\n");
}

TEST(Folders, AreMadeWithThoseAbove) {
  TempFolder folder;
  make_folders(folder / "a/b/c");
  make_folders(folder / "a/b/c");
  EXPECT_TRUE(std::filesystem::is_directory(folder / "a/b/c"));
  spill(folder / "file", "x");
  EXPECT_THROW(make_folders(folder / "file/below"), IoError);
}

TEST(Folders, OneIsMadeOnce) {
  TempFolder folder;
  EXPECT_TRUE(make_folder(folder / "a"));
  EXPECT_FALSE(make_folder(folder / "a"));
  spill(folder / "file", "");
  EXPECT_FALSE(make_folder(folder / "file"));
  EXPECT_THROW(make_folder(folder / "no/a"), IoError);
}

TEST(CutFile, KeepsTheStart) {
  TempFolder folder;
  spill(folder / "a", "0123456789");
  cut_file(folder / "a", 4);
  EXPECT_EQ(slurp(folder / "a"), "0123");
  EXPECT_THROW(cut_file(folder / "none", 4), IoError);
}

TEST(LineFile, WritesBytesAsTheyAre) {
  TempFolder folder;
  LineFile file(folder / "a", false);
  file.write_bytes(std::string_view("a\0", 2));
  file.write_bytes("");
  file.write_line("b");
  EXPECT_EQ(slurp(folder / "a"), std::string("a\0b\n", 4));
  for (const int error : {0, ENOSPC}) {
    const FaultScope faulty(0, error);
    if (error != 0) {
      EXPECT_THROW(file.write_bytes("xyz"), IoError);
    } else {
      file.write_bytes("cd");  // one byte at first
    }
  }
  EXPECT_EQ(slurp(folder / "a"), std::string("a\0b\ncd", 6));
}

TEST(QuoteName, EscapesAndCuts) {
  EXPECT_EQ(quote_name("conv1.weight"), "'conv1.weight'");
  EXPECT_EQ(quote_name("a\x1b[2J'\n"), "'a\\x1b[2J\\x27\\x0a'");
  EXPECT_EQ(quote_name("\xff"), "'\\xff'");
  EXPECT_LE(quote_name(std::string(1'000'000, 'x')).size(), 206u);
  EXPECT_EQ(quote_path("a\x1b b"), "'a\\x1b b'");
}

}  // namespace
}  // namespace taper
