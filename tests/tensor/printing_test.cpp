#include <gtest/gtest.h>

#include <clocale>
#include <cmath>
#include <locale>
#include <sstream>

#include "taper/ops/creation.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/view.h"

namespace taper {
namespace {

std::string text(const Tensor& t) {
  std::ostringstream out;
  out << t;
  return out.str();
}

// What LibTorch's operator<< gives for the same tensors.
TEST(Printing, OneDimensionAndNone) {
  EXPECT_EQ(text(tensor(3.5)), "3.5\n[ CPUFloatType{} ]");
  EXPECT_EQ(text(tensor(3)), "3\n[ CPULongType{} ]");
  EXPECT_EQ(text(tensor(true)), "1\n[ CPUBoolType{} ]");
  EXPECT_EQ(text(tensor(1e20)), "1e+20\n[ CPUFloatType{} ]");
  EXPECT_EQ(text(tensor(-0.0)), "-0\n[ CPUFloatType{} ]");
  EXPECT_EQ(text(tensor({1, 2, 3})), " 1\n 2\n 3\n[ CPULongType{3} ]");
  EXPECT_EQ(text(tensor({1.0, 2.5, -3.0})), " 1.0000\n 2.5000\n-3.0000\n[ CPUFloatType{3} ]");
  EXPECT_EQ(text(tensor({1.0, 2.0, 100.0})), "   1\n   2\n 100\n[ CPUFloatType{3} ]");
  EXPECT_EQ(text(tensor({-1, 10, -100})), " -1\n 10\n-100\n[ CPULongType{3} ]");
  EXPECT_EQ(text(Tensor()), "[ Tensor (undefined) ]");
  EXPECT_EQ(text(empty({0})), "[ CPUFloatType{0} ]");
  EXPECT_EQ(text(empty({2, 0, 3})), "[ CPUFloatType{2,0,3} ]");
}

TEST(Printing, Notations) {
  EXPECT_EQ(text(tensor({1e10, 1.0})), " 1.0000e+10\n 1.0000e+00\n[ CPUFloatType{2} ]");
  EXPECT_EQ(text(tensor({1e-5, 1.0})), " 1.0000e-05\n 1.0000e+00\n[ CPUFloatType{2} ]");
  EXPECT_EQ(text(tensor({1e-10, 2e-10})), "1e-10 *\n 1.0000\n 2.0000\n[ CPUFloatType{2} ]");
  EXPECT_EQ(text(tensor({1000000.0, 1.0})), "   1e+06\n       1\n[ CPUFloatType{2} ]");
  EXPECT_EQ(text(tensor({1.0f, NAN, INFINITY})), " 1\nnan\ninf\n[ CPUFloatType{3} ]");
  EXPECT_EQ(text(tensor({1.5f, -INFINITY})), " 1.5000\n   -inf\n[ CPUFloatType{2} ]");
  EXPECT_EQ(text(tensor({0.1, 1.0 / 3}, kDouble)), " 0.1000\n 0.3333\n[ CPUDoubleType{2} ]");
  EXPECT_EQ(text(tensor({{10000.5, 2.0}, {3.25, 4.0}})),
            " 10000.5000      2.0000\n     3.2500      4.0000\n[ CPUFloatType{2,2} ]");
}

TEST(Printing, Matrices) {
  EXPECT_EQ(text(arange(6).view({2, 3})), " 0  1  2\n 3  4  5\n[ CPULongType{2,3} ]");
  EXPECT_EQ(text(arange(6).view({2, 3}).t()), " 0  3\n 1  4\n 2  5\n[ CPULongType{3,2} ]");
  EXPECT_EQ(text(arange(12).view({2, 2, 3})),
            "(1,.,.) = \n  0  1  2\n  3  4  5\n\n(2,.,.) = \n   6   7   8\n   9  10  11\n"
            "[ CPULongType{2,2,3} ]");
  EXPECT_EQ(text(arange(4).view({2, 2, 1, 1})),
            "(1,1,.,.) = \n  0\n\n(2,1,.,.) = \n  2\n\n(1,2,.,.) = \n  1\n\n(2,2,.,.) = \n  3\n"
            "[ CPULongType{2,2,1,1} ]");
  EXPECT_EQ(text(arange(30).view({1, 30}).mul(1000)),
            "Columns 1 to 11     0   1000   2000   3000   4000   5000   6000   7000   8000   9000  "
            "10000\n\nColumns 12 to 22 11000  12000  13000  14000  15000  16000  17000  18000  "
            "19000  20000  21000\n\nColumns 23 to 30 22000  23000  24000  25000  26000  27000  "
            "28000  29000\n[ CPULongType{1,30} ]");
}

struct Comma : std::numpunct<char> {
  char do_decimal_point() const override { return ','; }
  char do_thousands_sep() const override { return '.'; }
  std::string do_grouping() const override { return "\3"; }
};

TEST(Printing, IgnoresTheLocale) {
  std::ostringstream out;
  out.imbue(std::locale(std::locale::classic(), new Comma));
  out << tensor({1234.5}) << IntArrayRef({2000, 3});
  EXPECT_EQ(out.str(), " 1234.5000\n[ CPUFloatType{1} ][2000, 3]");
}

TEST(Printing, SmallValues) {
  std::ostringstream out;
  out << kFloat << ' ' << Device("cuda:1") << ' ' << Scalar(2.5) << ' ' << zeros({2}).toString();
  EXPECT_EQ(out.str(), "Float cuda:1 2.5 CPUFloatType");
}

}  // namespace
}  // namespace taper
