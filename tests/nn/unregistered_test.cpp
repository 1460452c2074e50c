// What debug builds report of modules that were never registered; this file is one.
#undef NDEBUG
#include <gtest/gtest.h>

#include "taper/nn/linear.h"
#include "taper/nn/sequential.h"
#include "taper/ops/creation.h"
#include "taper/ops/pointwise.h"

namespace taper {
namespace {

struct PartImpl : nn::Module {
  PartImpl() { register_parameter("w", ones({1})); }
  Tensor forward(const Tensor& x) { return x + 1; }
};
TAPER_MODULE(Part);

struct StatelessImpl : nn::Module {
  Tensor forward(const Tensor& x) { return x + 1; }
};
TAPER_MODULE(Stateless);

struct NetImpl : nn::Module {
  explicit NetImpl(bool registers) {
    if (registers) register_module("part", part);
  }
  Tensor forward(const Tensor& x) { return part(stateless(x)); }
  Part part;
  Stateless stateless;
};
TAPER_MODULE(Net);

struct OuterImpl : nn::Module {
  OuterImpl() { net = register_module("net", Net(true)); }
  Tensor forward(const Tensor& x) { return net(x) + net->part(x); }
  Net net = nullptr;
};
TAPER_MODULE(Outer);

std::string warning_of(const Function<void()>& call) {
  std::string warning;
  const WarningHandler before =
      set_warning_handler([&](std::string_view text) { warning += text; });
  call();
  set_warning_handler(before);
  return warning;
}

TEST(Unregistered, ModulesAreReportedByTypeAndOwnerWhenTheyAreCalled) {
  Net careless(false);
  const std::string warning = warning_of([&] { careless(ones({1})); });
  EXPECT_EQ(warning, Part()->name() + " is called in the forward() of " + careless->name() +
                         " but registered with no module: parameters(), state_dict() and to() of " +
                         careless->name() + " leave it out. Register it with register_module().");
}

TEST(Unregistered, NothingIsSaidOfTheOthers) {
  Net careful(true);
  EXPECT_EQ(warning_of([&] { careful(ones({1})); }), "");
  EXPECT_EQ(warning_of([&] { Outer()(ones({1})); }), "");
  EXPECT_EQ(warning_of([&] { nn::Sequential(Part(), Net(true))(ones({1})); }), "");
  Part alone;
  EXPECT_EQ(warning_of([&] { alone(ones({1})); }), "");
  // After a forward() that threw, calls start anew.
  struct ThrowsImpl : nn::Module {
    Tensor forward(const Tensor&) {
      TAPER_CHECK(false, "thrown");
      return Tensor();
    }
  };
  ThrowsImpl throws;
  EXPECT_THROW(nn::call(throws, ones({1})), Error);
  EXPECT_EQ(warning_of([&] { alone(ones({1})); }), "");
}

}  // namespace
}  // namespace taper
