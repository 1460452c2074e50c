#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <thread>
#include <vector>

#include "taper/io/safetensors_format.h"
#include "tests/support/temp_folder.h"

namespace taper::io {
namespace {

// Saves over one file without end; generation g consists of elements g. Tells of each save.
[[noreturn]] void save_forever(const std::string& path, int tell) {
  for (int32_t generation = 0;; ++generation) {
    const std::vector<int32_t> values(200'000, generation);
    write_safetensors(
        path, {{"a", kInt, {200'000}, values.data()}, {"b", kInt, {100'000}, values.data()}});
    if (::write(tell, "s", 1) != 1) ::_exit(1);
  }
}

// A process that is killed while it saves leaves the old file or the new one, whole.
TEST(SafetensorsKill, AKilledSaveLosesNothing) {
  taper::testing::TempFolder folder;
  const std::string path = folder / "weights";
  const std::vector<int32_t> first(200'000, -1);
  write_safetensors(path, {{"a", kInt, {200'000}, first.data()}});
  int32_t newest = 0;
  for (int kill = 0; kill < 40; ++kill) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) save_forever(path, ends[1]);
    ::close(ends[1]);
    char saved;
    EXPECT_EQ(::read(ends[0], &saved, 1), 1);
    std::this_thread::sleep_for(std::chrono::microseconds(kill * 1370 % 15'000));
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    ::close(ends[0]);
    const InputFile file(path);
    const SafetensorsHeader header = read_safetensors_header(file);
    int32_t generation = -2;
    for (const SafetensorsEntry& entry : header.tensors) {
      std::vector<int32_t> values((entry.end - entry.begin) / 4);
      read_safetensors_entry(file, entry, values.data());
      if (generation == -2) generation = values[0];
      ASSERT_EQ(values[0], generation) << "tensors of one save";
    }
    newest = std::max(newest, generation);
  }
  EXPECT_GT(newest, 0) << "no file was replaced by a later save: the test would show nothing";
}

}  // namespace
}  // namespace taper::io
