// Saving and loading while the system's calls fail, one after the other, in every format.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <functional>
#include <sstream>

#include "taper/base/error.h"
#include "taper/io/npy.h"
#include "taper/io/npz.h"
#include "taper/io/safetensors.h"
#include "taper/io/torch_file.h"
#include "taper/ops/creation.h"
#include "tests/io/ivalue_text.h"
#include "tests/support/file_faults.h"
#include "tests/support/temp_folder.h"

namespace taper::io {
namespace {

using namespace taper::testing;

struct Format {
  const char* name;
  std::function<void(const std::string&, const Tensor&)> save;
  std::function<Tensor(const std::string&)> load;
};

const Format kFormats[] = {
    {"npy", [](const std::string& path, const Tensor& x) { save_npy(path, x); },
     [](const std::string& path) { return load_npy(path); }},
    {"npz",
     [](const std::string& path, const Tensor& x) {
       save_npz(path, {{"x", x}});
     },
     [](const std::string& path) { return load_npz(path)["x"]; }},
    {"compressed npz",
     [](const std::string& path, const Tensor& x) {
       save_npz(path, {{"x", x}}, true);
     },
     [](const std::string& path) { return load_npz(path)["x"]; }},
    {"pt",
     [](const std::string& path, const Tensor& x) {
       save_torch(path, IValue::list({x, 1}));
     },
     [](const std::string& path) { return load_torch(path).toListRef()[0].toTensor(); }},
    {"safetensors",
     [](const std::string& path, const Tensor& x) {
       save_safetensors(path, {{"x", x}});
     },
     [](const std::string& path) { return load_safetensors(path).tensors[0].second; }}};

TEST(FileFaults, ASaveIsWholeOrHasNotHappened) {
  const Tensor old_content = arange(10, kFloat), new_content = arange(40'000, kLong);
  const std::string old_text = to_text(old_content), new_text = to_text(new_content);
  for (const Format& format : kFormats) {
    TempFolder folder;
    const std::string path = folder / "out";
    const int files_before = open_files();
    int failures = 0;
    for (const int error : {ENOSPC, EIO, EINTR, EACCES, 0}) {
      for (int at = 0;; ++at) {
        format.save(path, old_content);
        std::string text;
        {
          FaultScope scope(at, error);
          text = message_of<IoError>([&] { format.save(path, new_content); });
          if (!faults.fired) break;
        }
        const bool in_place = text.find("the new file is in place") != std::string::npos;
        failures += !text.empty();
        EXPECT_EQ(to_text(format.load(path)), text.empty() || in_place ? new_text : old_text)
            << format.name << ": call " << at << " error " << error << ": " << text;
        EXPECT_EQ(folder.count(), 1) << format.name << ": call " << at << " error " << error;
      }
    }
    EXPECT_GE(failures, 15) << format.name;
    EXPECT_EQ(open_files(), files_before) << format.name;
  }
}

TEST(FileFaults, ALoadIsRightOrAnIoError) {
  const Tensor content = arange(3000, kLong);
  const std::string expected = to_text(content);
  for (const Format& format : kFormats) {
    TempFolder folder;
    const std::string path = folder / "in";
    format.save(path, content);
    const int files_before = open_files();
    for (const int error : {EIO, EACCES, EINTR, 0}) {
      for (int at = 0;; ++at) {
        FaultScope scope(at, error);
        std::string got = expected;
        const std::string text = message_of<IoError>([&] { got = to_text(format.load(path)); });
        if (!faults.fired) break;
        EXPECT_EQ(got, expected) << format.name << ": call " << at << " error " << error;
        EXPECT_TRUE(text.empty() || error != 0) << text;
      }
    }
    EXPECT_EQ(open_files(), files_before) << format.name;
  }
}

TEST(FileFaults, RefusesWhatIsNoFile) {
  TempFolder folder;
  ASSERT_EQ(::mkfifo((folder / "fifo").c_str(), 0600), 0);
  for (const Format& format : kFormats) {
    for (const std::string& path : {folder / "fifo", folder.path().string(), folder / "none",
                                    std::string("/dev/zero"), std::string()}) {
      EXPECT_THROW(format.load(path), IoError) << format.name << path;
    }
    EXPECT_THROW(format.save(folder.path().string(), arange(2, kFloat)), IoError) << format.name;
  }
}

}  // namespace
}  // namespace taper::io
