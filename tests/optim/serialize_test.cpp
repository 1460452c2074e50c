#include "taper/optim/serialize.h"

#include <gtest/gtest.h>

#include <sstream>

#include "taper/base/error.h"
#include "taper/ops/creation.h"
#include "taper/optim/optim.h"
#include "tests/io/ivalue_text.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"

namespace taper::optim {
namespace {

using taper::testing::TempFolder;
using taper::testing::to_text;

struct Problem {
  Tensor weight = arange(4, kFloat).requires_grad_();
  void backward() { weight.mutable_grad() = weight.detach().clone(); }
};

TEST(SaveOptimizer, StepsGoOnAsIfNothingHadHappened) {
  TempFolder folder;
  Problem one, two;
  Adam from({one.weight}, AdamOptions(0.1)), to({two.weight}, AdamOptions(0.5));
  for (int i = 0; i < 3; ++i) {
    one.backward();
    from.step();
  }
  save(from, folder / "a.pt");
  load(to, folder / "a.pt");
  EXPECT_EQ(to_text(to.state_dict()), to_text(from.state_dict()));
  EXPECT_DOUBLE_EQ(to.param_groups()[0].options().get_lr(), 0.1);
  two.weight.detach().copy_(one.weight.detach());
  one.backward();
  from.step();
  two.backward();
  to.step();
  EXPECT_EQ(to_text(two.weight.detach()), to_text(one.weight.detach()));
  std::stringstream stream;
  save(from, stream);
  load(to, stream);
  EXPECT_EQ(to_text(to.state_dict()), to_text(from.state_dict()));
}

TEST(SaveOptimizer, AnotherFileChangesNothing) {
  TempFolder folder;
  Problem problem;
  SGD optimizer({problem.weight}, SGDOptions(0.1).momentum(0.9));
  problem.backward();
  optimizer.step();
  const std::string before = to_text(optimizer.state_dict());
  save(IValue::list({1}), folder / "list.pt");
  EXPECT_ERROR(Error, load(optimizer, folder / "list.pt"), "expected a dict but got list");
  save(IValue::dict({{"w", 1}}), folder / "dict.pt");
  EXPECT_THROW(load(optimizer, folder / "dict.pt"), Error);
  EXPECT_EQ(to_text(optimizer.state_dict()), before);
}

}  // namespace
}  // namespace taper::optim
