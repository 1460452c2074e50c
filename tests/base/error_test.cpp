#include "taper/base/error.h"

#include <gtest/gtest.h>

#include <clocale>
#include <vector>

namespace taper {
namespace {

TEST(Error, TextJoinsItsPartsWhateverTheLocale) {
  std::setlocale(LC_ALL, "de_DE.UTF-8");
  EXPECT_EQ(str("mm: ", 2, 'x', IntArrayRef({2, 3}), " ", 0.5, " ", true, " ", uint8_t{7}),
            "mm: 2x[2, 3] 0.5 true 7");
  std::setlocale(LC_ALL, "C");
}

TEST(Error, ChecksThrowTheirKind) {
  EXPECT_NO_THROW(TAPER_CHECK(true, "unused"));
  EXPECT_THROW(TAPER_CHECK_AS(ShapeError, false, "sizes"), ShapeError);
  try {
    TAPER_CHECK_AS(IndexError, 1 > 2, "index ", 5, " is out of bounds");
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "index 5 is out of bounds");
    EXPECT_NE(dynamic_cast<const IndexError*>(&error), nullptr);
  }
}

TEST(Warnings, GoToTheHandlerThatIsSet) {
  std::vector<std::string> seen;
  WarningHandler before =
      set_warning_handler([&seen](std::string_view text) { seen.emplace_back(text); });
  warn("first");
  warn("first");
  set_warning_handler(before);
  EXPECT_EQ(seen, (std::vector<std::string>{"first", "first"}));
}

TEST(Warnings, DefaultWritesEachTextOnce) {
  ::testing::internal::CaptureStderr();
  warn("only once, please");
  warn("only once, please");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "taper warning: only once, please\n");
}

}  // namespace
}  // namespace taper
