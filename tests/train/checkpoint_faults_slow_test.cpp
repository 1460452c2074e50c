// Saving and loading a checkpoint while the calls that write and read its files fail.
#include <gtest/gtest.h>

#include "taper/base/error.h"
#include "taper/train/checkpoint.h"
#include "tests/support/file_faults.h"
#include "tests/support/temp_folder.h"
#include "tests/train/small_run.h"

namespace taper::train {
namespace {

using namespace taper::testing;

IValue state_of(int64_t value) {
  return IValue::dict({{"model", IValue::dict({{"w", full({3000}, value, kLong)}})},
                       {"optimizer", IValue::dict({{"m", full({50}, value, kFloat)}})},
                       {"step", value}});
}

TEST(CheckpointFaults, ASaveIsWholeOrHasNotHappened) {
  TempFolder folder;
  const std::string path = folder / "here";
  const int files_before = open_files();
  int failures = 0;
  for (const int error : {ENOSPC, EIO, EINTR, EACCES, 0}) {
    save_checkpoint(path, state_of(1));
    for (int at = 0;; ++at) {
      std::string text;
      {
        FaultScope scope(at, error);
        text = message_of<IoError>([&] { save_checkpoint(path, state_of(2)); });
        if (!faults.fired) break;
      }
      failures += !text.empty();
      EXPECT_TRUE(same_state(load_checkpoint(path), state_of(text.empty() ? 2 : 1)))
          << "call " << at << " error " << error << ": " << text;
      if (text.empty()) save_checkpoint(path, state_of(1));
      EXPECT_EQ(folder.count(), 1) << "call " << at << " error " << error;
    }
  }
  EXPECT_GE(failures, 40);
  EXPECT_EQ(open_files(), files_before);
}

TEST(CheckpointFaults, ALoadIsRightOrAnIoError) {
  TempFolder folder;
  const std::string path = folder / "here";
  save_checkpoint(path, state_of(1));
  const int files_before = open_files();
  for (const int error : {EIO, EACCES, EINTR, 0}) {
    for (int at = 0;; ++at) {
      FaultScope scope(at, error);
      IValue got;
      const std::string text = message_of<IoError>([&] { got = load_checkpoint(path); });
      if (!faults.fired) break;
      if (text.empty()) {
        EXPECT_TRUE(same_state(got, state_of(1))) << "call " << at << " error " << error;
      }
      EXPECT_TRUE(text.empty() || error != 0) << text;
    }
  }
  EXPECT_EQ(open_files(), files_before);
}

}  // namespace
}  // namespace taper::train
