#include "taper/train/log.h"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

#include <sstream>
#include <thread>
#include <vector>

#include "taper/base/error.h"
#include "taper/base/system.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"

namespace taper::train {
namespace {

using taper::testing::slurp;
using taper::testing::TempFolder;

double fixed_clock() { return 1'000'000'000.25; }

LogOptions quiet() {
  LogOptions options;
  options.output = -1;
  options.clock = &fixed_clock;
  return options;
}

TEST(Log, WritesTimeLevelAndText) {
  TempFolder folder;
  const std::string path = folder / "train.log";
  const std::string time = local_time(fixed_clock(), "%Y-%m-%d %H:%M:%S ");
  {
    Log log(path, quiet());
    log.info("epoch 1\n  loss 0.5\tok");
    log.warning("esc \x1b[2J\x7f");
  }
  LogOptions options = quiet();
  options.rank = 3;
  options.file = LogLevel::kWarning;
  Log log(path, options);
  log.info("not this");
  log.error("this");
  EXPECT_EQ(slurp(path), time + "INFO    epoch 1\n  loss 0.5\tok\n" + time +
                             "WARNING esc \\x1b[2J\\x7f\n" + time + "[3] ERROR   this\n");
}

TEST(Log, TheConsoleShowsItsLevelsAndRankZero) {
  TempFolder folder;
  const auto console_of = [&](int rank) {
    const std::string path = folder / "console";
    LogOptions options = quiet();
    options.rank = rank;
    options.output = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    Log log("", options);
    log.debug("d");
    log.info("i");
    log.warning("w");
    ::close(options.output);
    const std::string text = slurp(path);
    return std::pair(text.find("INFO") != std::string::npos,
                     text.find("WARNING") != std::string::npos);
  };
  EXPECT_EQ(console_of(-1), std::pair(true, true));
  EXPECT_EQ(console_of(0), std::pair(true, true));
  EXPECT_EQ(console_of(1), std::pair(false, true));
}

TEST(Log, AConsoleThatIsGoneIsPassedOver) {
  LogOptions options = quiet();
  options.output = 1'000'000;
  Log log("", options);
  EXPECT_NO_THROW(log.error("nobody reads this"));
  EXPECT_ERROR(IoError, Log("/no/such/folder/train.log", quiet()), "train.log");
}

TEST(LogThreads, LinesStayWhole) {
  TempFolder folder;
  Log log(folder / "train.log", quiet());
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&log, i] {
      for (int j = 0; j < 50; ++j) log.info(std::string(100, static_cast<char>('a' + i)));
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::istringstream lines(slurp(folder / "train.log"));
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    const std::string text = line.substr(line.rfind(' ') + 1);
    EXPECT_EQ(text, std::string(100, text.empty() ? ' ' : text[0]));
  }
  EXPECT_EQ(count, 200);
}

}  // namespace
}  // namespace taper::train
