#include "taper/base/system.h"

#include <gtest/gtest.h>

#include <chrono>

namespace taper {
namespace {

TEST(System, KnowsTheMachineAndTheProgram) {
  EXPECT_FALSE(host_name().empty());
  EXPECT_GE(processor_count(), 1);
  EXPECT_GT(process_id(), 0);
  ASSERT_GE(program_arguments().size(), 2u);  // ctest names the file
  EXPECT_NE(program_arguments()[0].find("taper_base_tests"), std::string::npos);
  EXPECT_GT(wall_time(), 1.7e9);
}

TEST(System, WritesTimes) {
  EXPECT_EQ(local_time(86'400 * 365.0, "%Y").substr(0, 4), "1971");
  EXPECT_EQ(local_time(-1e300, "%Y"), "");
  EXPECT_EQ(local_time(0.0 / 0.0, "%Y"), "");
  EXPECT_EQ(local_time(1e11, std::string(200, 'x').c_str()), "");
}

TEST(RunProgram, GivesOutputAndStatus) {
  const auto text =
      run_program({"sh", "-c", "pwd; read x; echo \"got $x\"; echo no >&2; exit 3"}, "/usr");
  ASSERT_TRUE(text);
  EXPECT_EQ(text->output, "/usr\ngot \n");
  EXPECT_EQ(text->status, 3);
  EXPECT_TRUE(text->complete);
  const auto killed = run_program({"sh", "-c", "kill -9 $$"}, "/");
  ASSERT_TRUE(killed);
  EXPECT_EQ(killed->status, 128 + 9);
}

TEST(RunProgram, CutsTheOutput) {
  const auto text = run_program({"sh", "-c", "yes | head -n 200000"}, "/", 20, 1000);
  ASSERT_TRUE(text);
  EXPECT_EQ(text->output.size(), 1000u);
  EXPECT_FALSE(text->complete);
  EXPECT_EQ(text->status, 0);
}

TEST(RunProgram, GivesUpOnWhatDoesNotStartOrEnd) {
  EXPECT_FALSE(run_program({}, "/"));
  EXPECT_FALSE(run_program({"/no/such/program"}, "/"));
  EXPECT_FALSE(run_program({"true"}, "/no/such/folder"));
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(run_program({"sleep", "100"}, "/", 0.05));
  EXPECT_FALSE(run_program({"sh", "-c", "exec >&-; exec sleep 100"}, "/", 0.3));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(50));
}

}  // namespace
}  // namespace taper
