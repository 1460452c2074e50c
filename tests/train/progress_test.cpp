#include "taper/train/progress.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <stdexcept>
#include <string>

#include "taper/base/error.h"
#include "tests/support/temp_folder.h"

namespace taper::train {
namespace {

double now = 0;

class ProgressTest : public ::testing::Test {
 protected:
  ProgressTest() {
    now = 100;
    options.output = ::open((folder / "out").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    options.clock = [] { return now; };
  }
  ~ProgressTest() override { ::close(options.output); }
  std::string output() { return taper::testing::slurp(folder / "out"); }

  taper::testing::TempFolder folder;
  ProgressOptions options;
};

TEST_F(ProgressTest, WritesFewPlainLinesWithoutATerminal) {
  Progress progress("epoch 1/5", 60000, options);
  for (int step = 0; step < 60; ++step) {
    now += 0.5;
    progress.update(1000, {{"loss", 2.0 / (step + 1)}});
  }
  EXPECT_EQ(progress.done(), 60000);
  EXPECT_DOUBLE_EQ(progress.seconds(), 30);
  EXPECT_DOUBLE_EQ(progress.rate(), 2000);
  progress.finish();
  progress.finish();
  progress.update(1000);
  now += 100;
  EXPECT_DOUBLE_EQ(progress.seconds(), 30) << "stands still after the end";
  EXPECT_EQ(output(),
            "epoch 1/5  20,000/60,000  2,000 images/s  loss 0.1000  ETA 0:20\n"
            "epoch 1/5  40,000/60,000  2,000 images/s  loss 0.0500  ETA 0:10\n"
            "epoch 1/5  60,000/60,000  2,000 images/s  loss 0.0333  ETA 0:00\n"
            "epoch 1/5  60,000/60,000  2,000 images/s  loss 0.0333  in 0:30\n");
}

TEST_F(ProgressTest, DrawsABarThatStaysOnItsLine) {
  options.style = ProgressOptions::Style::kBar;
  {
    Progress progress("train", 100, options);
    for (int step = 0; step < 10; ++step) {
      now += 0.0625;
      progress.update(10);
    }
  }
  const std::string text = output();
  EXPECT_EQ(text.substr(0, 1), "\r");
  EXPECT_EQ(text.substr(text.size() - 1), "\n");
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
  // Every second update comes 0.1 seconds or more after a drawing; and the last.
  EXPECT_EQ(std::count(text.begin(), text.end(), '\r'), 6);
  EXPECT_NE(text.find("100%"), std::string::npos) << text;
  EXPECT_NE(text.find("[######"), std::string::npos) << text;
  size_t begin = 0;
  for (size_t end = text.find("\x1b[K"); end != std::string::npos;
       end = text.find("\x1b[K", end + 1)) {
    begin = text.rfind('\r', end);
    EXPECT_LT(end - begin, 81u) << "wider than a terminal";
  }
}

TEST_F(ProgressTest, WorksWithoutATotal) {
  options.line_interval = 0;
  options.unit = "steps";
  Progress progress("search", 0, options);
  now += 3600;
  progress.update(7200, {{"best", 1e-5}, {"worst", std::nan("")}});
  progress.finish();
  EXPECT_EQ(output(),
            "search  7,200  2.0000 steps/s  best 1.00e-05  worst nan\n"
            "search  7,200  2.0000 steps/s  best 1.00e-05  worst nan  in 1:00:00\n");
}

TEST_F(ProgressTest, KeepsQuietWhenAskedOrWhenTheOutputIsGone) {
  options.style = ProgressOptions::Style::kSilent;
  { Progress("silent", 10, options).update(10); }
  EXPECT_EQ(output(), "");
  options.style = ProgressOptions::Style::kLines;
  options.output = -1;
  Progress progress("lost", 10, options);
  EXPECT_NO_THROW(progress.finish());
  EXPECT_THROW(Progress("wrong", -1, options), Error);
}

TEST_F(ProgressTest, EndsTheLineWhenAnExceptionPasses) {
  options.style = ProgressOptions::Style::kBar;
  try {
    Progress progress("train", 10, options);
    now += 1;
    progress.update(5);
    throw std::runtime_error("stop");
  } catch (const std::runtime_error&) {
  }
  const std::string text = output();
  EXPECT_EQ(text.back(), '\n');
  EXPECT_EQ(text.find("100%"), std::string::npos);
}

}  // namespace
}  // namespace taper::train
