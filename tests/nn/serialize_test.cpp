#include "taper/nn/serialize.h"

#include <gtest/gtest.h>

#include <sstream>

#include "taper/base/error.h"
#include "taper/nn/nn.h"
#include "taper/ops/creation.h"
#include "tests/io/ivalue_text.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"

namespace taper::nn {
namespace {

using taper::testing::slurp;
using taper::testing::TempFolder;
using taper::testing::to_text;

Sequential network() { return Sequential(Linear(3, 4), BatchNorm1d(4), Linear(4, 2)); }

std::string state(const Module& module) { return to_text(module.state_dict().to_ivalue()); }

TEST(SaveModule, RoundTripOfHoldersModulesAndPointers) {
  TempFolder folder;
  const Sequential from = network();
  save(from, folder / "a.pt");
  Sequential holder = network();
  EXPECT_NE(state(*holder), state(*from));
  load(holder, folder / "a.pt");
  EXPECT_EQ(state(*holder), state(*from));
  Sequential module = network();
  load(*module, folder / "a.pt", kCPU);
  EXPECT_EQ(state(*module), state(*from));
  std::stringstream stream;
  save(from.ptr(), stream);
  EXPECT_EQ(stream.str(), slurp(folder / "a.pt"));
  auto pointer = network().ptr();
  load(pointer, stream);
  EXPECT_EQ(state(*pointer), state(*from));
  EXPECT_TRUE(holder->parameters()[0].requires_grad());
}

TEST(SaveModule, WritesAStateDictWithVersions) {
  TempFolder folder;
  save(network(), folder / "a.pt");
  const IValue dict = load(folder / "a.pt");
  EXPECT_TRUE(dict.at("0.weight").isTensor());
  EXPECT_FALSE(dict.at("0.weight").toTensor().requires_grad());
  EXPECT_TRUE(dict.at("1.num_batches_tracked").isTensor());
  const StateDict back(dict);
  EXPECT_EQ(back.versions().keys(), network()->state_dict().versions().keys());
  EXPECT_EQ(back.versions()["1"], 2);
}

TEST(SaveModule, AFailedLoadChangesNothing) {
  TempFolder folder;
  save(Sequential(Linear(3, 4)), folder / "other.pt");
  Sequential module = network();
  const std::string before = state(*module);
  EXPECT_ERROR(Error, load(module, folder / "other.pt"),
               "Missing key(s) in state_dict: \"1.weight\"");
  save(IValue::list({1}), folder / "list.pt");
  EXPECT_ERROR(IoError, load(module, folder / "list.pt"), "got a list, expected a dict of tensors");
  save(IValue::dict({{"0.weight", 1}}), folder / "number.pt");
  EXPECT_ERROR(IoError, load(module, folder / "number.pt"), "key '0.weight' stands for a int");
  EXPECT_EQ(state(*module), before);
  std::shared_ptr<Module> none;
  EXPECT_ERROR(Error, save(none, folder / "none.pt"), "the module is null");
}

TEST(SaveModule, InArchivesBesideOtherValues) {
  TempFolder folder;
  const Sequential from = network();
  serialize::OutputArchive archive, part;
  from->save(part);
  archive.write("model", part);
  archive.write("epoch", IValue(3));
  archive.save_to(folder / "a.pt");
  serialize::InputArchive input, model;
  input.load_from(folder / "a.pt");
  input.read("model", model);
  Sequential to = network();
  to->load(model);
  EXPECT_EQ(state(*to), state(*from));
}

TEST(SaveModule, TiedWeightsStayTied) {
  struct Tied : Module {
    Tied() {
      first = register_module("first", Linear(3, 3));
      second = register_module("second", Linear(3, 3));
      second->weight = first->weight;
      second->replace_parameter("weight", first->weight);
    }
    Linear first{nullptr}, second{nullptr};
  };
  TempFolder folder;
  const auto from = std::make_shared<Tied>();
  save(from, folder / "a.pt");
  const IValue dict = load(folder / "a.pt");
  EXPECT_TRUE(dict.at("first.weight").toTensor().is_alias_of(dict.at("second.weight").toTensor()));
  auto to = std::make_shared<Tied>();
  load(to, folder / "a.pt");
  EXPECT_EQ(state(*to), state(*from));
}

}  // namespace
}  // namespace taper::nn
