// state_dict() and load_state_dict(): names, sharing, errors, hooks, extra state.
#include "taper/nn/state_dict.h"

#include <gtest/gtest.h>

#include <sstream>

#include "taper/autograd/grad_mode.h"
#include "taper/nn/linear.h"
#include "taper/nn/normalization.h"
#include "taper/nn/sequential.h"
#include "taper/ops/copy.h"
#include "taper/ops/creation.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/reduction.h"
#include "taper/ops/view.h"
#include "tests/support/expect_error.h"

namespace taper {
namespace {

using Names = std::vector<std::string>;

struct PartImpl : nn::Module {
  explicit PartImpl(double fill = 1) {
    w = register_parameter("w", full({2}, fill));
    none = register_parameter("none", Tensor(), false);
    kept = register_buffer("kept", full({1}, fill));
    scratch = register_buffer("scratch", full({1}, fill), false);
  }
  Tensor forward(const Tensor& x) { return x; }
  Tensor w, none, kept, scratch;
};
TAPER_MODULE(Part);

struct CounterImpl : nn::Module {
  explicit CounterImpl(int64_t n = 0) : n(n) { register_parameter("p", ones({1})); }
  Tensor get_extra_state() const override { return full({}, n, kLong); }
  void set_extra_state(const Tensor& state) override {
    const auto read = state.item<int64_t>();
    TAPER_CHECK(read >= 0, "counter: negative state");
    n = read;
  }
  int64_t _version() const override { return 3; }
  Tensor forward(const Tensor& x) { return x; }
  int64_t n;
};
TAPER_MODULE(Counter);

double total(const Tensor& t) { return t.sum().item<double>(); }

nn::StateDict filled_like(const nn::StateDict& dict, double value) {
  nn::StateDict result;
  for (const auto& item : dict) result.set(item.key(), full_like(item.value(), value));
  return result;
}

TEST(StateDict, HoldsParametersAndPersistentBuffers) {
  nn::Sequential net{Part(), nn::Sequential{Part()}};
  net->register_parameter("top", ones({1}));
  const nn::StateDict dict = net->state_dict();
  EXPECT_EQ(dict.keys(), (Names{"top", "0.w", "0.kept", "1.0.w", "1.0.kept"}));
  EXPECT_EQ(net->state_dict("net.").keys()[1], "net.0.w");
  const Tensor& own = net->at<PartImpl>(0).w;
  EXPECT_TRUE(dict["0.w"].is_alias_of(own));
  EXPECT_FALSE(dict["0.w"].requires_grad());
  EXPECT_FALSE(dict["0.w"].is_same(own));
  EXPECT_TRUE(net->state_dict("", true)["0.w"].is_same(own));
  nn::StateDict joined;
  joined.set("other", ones({1}));
  net->state_dict(joined, "net.");
  EXPECT_EQ(joined.size(), 6u);
  EXPECT_EQ(joined.front().key(), "other");
}

TEST(StateDict, RepeatsWhatIsShared) {
  Part part;
  nn::Sequential twice(part, part);
  EXPECT_EQ(twice->state_dict().keys(), (Names{"0.w", "0.kept", "1.w", "1.kept"}));
}

TEST(LoadStateDict, CopiesValues) {
  nn::Sequential net{Part(), nn::Linear(2, 3)};
  const Tensor w = net->at<PartImpl>(0).w;
  const nn::StateDict values = filled_like(net->state_dict(), 7);
  const nn::IncompatibleKeys keys = net->load_state_dict(values);
  EXPECT_TRUE(keys.missing_keys.empty());
  EXPECT_TRUE(keys.unexpected_keys.empty());
  std::ostringstream text;
  text << keys;
  EXPECT_EQ(text.str(), "<All keys matched successfully>");
  EXPECT_EQ(total(w), 14);
  EXPECT_TRUE(net->at<PartImpl>(0).w.is_same(w));
  EXPECT_TRUE(w.requires_grad());
  EXPECT_FALSE(values["0.w"].is_alias_of(w));
  EXPECT_EQ(total(net->at<PartImpl>(0).scratch), 1);  // not in state dicts
  // Types are converted; a single element of one dimension stands for a scalar.
  nn::BatchNorm1d norm(2);
  nn::StateDict other = filled_like(norm->state_dict(), 2);
  other.set("weight", full({2}, 4, kDouble));
  other.set("num_batches_tracked", full({1}, 5, kLong));
  norm->load_state_dict(other);
  EXPECT_EQ(norm->weight.scalar_type(), kFloat);
  EXPECT_EQ(total(norm->weight), 8);
  EXPECT_EQ(norm->num_batches_tracked.item<int64_t>(), 5);
}

TEST(LoadStateDict, NamesAllThatIsWrongAndChangesNothing) {
  nn::Sequential net{Part(1), Part(1)};
  nn::StateDict dict = filled_like(net->state_dict(), 9);
  dict.erase("1.kept");
  dict.set("0.w", ones({3}));
  dict.set("x", ones({1}));
  dict.set("0.y", ones({1}));
  dict.set("0.scratch", ones({1}));
  dict.set("0.w.z", ones({1}));
  EXPECT_ERROR(Error, net->load_state_dict(dict),
               "Error(s) in loading state_dict for taper::nn::SequentialImpl:\n"
               "\tMissing key(s) in state_dict: \"1.kept\". \n"
               "\tUnexpected key(s) in state_dict: \"x\", \"0.y\", \"0.scratch\", \"0.w.z\". \n"
               "\tsize mismatch for 0.w: copying a param with shape torch.Size([3]) from "
               "checkpoint, the shape in current model is torch.Size([2]).");
  EXPECT_ERROR(Error, net->load_state_dict(dict, false), "size mismatch for 0.w");
  for (const Tensor& t : net->parameters()) EXPECT_EQ(total(t), 2);
  for (const Tensor& t : net->buffers()) EXPECT_EQ(total(t), 1);
  dict.set("0.w", full({2}, 9.0));
  const nn::IncompatibleKeys keys = net->load_state_dict(dict, false);
  EXPECT_EQ(keys.missing_keys, Names{"1.kept"});
  EXPECT_EQ(keys.unexpected_keys, (Names{"x", "0.y", "0.scratch", "0.w.z"}));
  EXPECT_EQ(total(net->at<PartImpl>(0).w), 18);
  EXPECT_EQ(total(net->at<PartImpl>(1).kept), 1);
  std::ostringstream text;
  text << keys;
  EXPECT_EQ(text.str(),
            "IncompatibleKeys(missing_keys=[\"1.kept\"], unexpected_keys=[\"x\", \"0.y\", "
            "\"0.scratch\", \"0.w.z\"])");
}

TEST(LoadStateDict, RefusesWhatCannotBeWritten) {
  Part part;
  nn::StateDict dict = filled_like(part->state_dict(), 3);
  dict.set("w", Tensor());
  EXPECT_ERROR(Error, part->load_state_dict(dict),
               "While copying the parameter named \"w\", expected torch.Tensor or Tensor-like");
  dict.set("w", ones({2}));
  part->replace_buffer("kept", ones({1}).expand({4}));
  dict.set("kept", ones({4}));
  EXPECT_ERROR(Error, part->load_state_dict(dict),
               "While copying the parameter named \"kept\", whose dimensions in the model are "
               "torch.Size([4]) and whose dimensions in the checkpoint are torch.Size([4]), an "
               "exception occurred : ('more than one element");
  {
    const InferenceMode inference;
    part->replace_buffer("kept", ones({1}));
  }
  dict.set("kept", ones({1}));
  EXPECT_ERROR(Error, part->load_state_dict(dict), "Inplace update to inference tensor");
  dict.set("w", ones({2}, kLong));
  EXPECT_ERROR(Error, part->load_state_dict(dict, true, true),
               "only Tensors of floating point and complex dtype can require gradients");
  EXPECT_EQ(total(part->w), 2);
}

TEST(LoadStateDict, AssignTakesOverTheTensors) {
  Part part;
  const Tensor w = part->w;
  w.mutable_grad() = ones({2});
  const nn::StateDict dict{{"w", full({2}, 5, kDouble)}, {"kept", full({1}, 6, kHalf)}};
  part->load_state_dict(dict, true, true);
  EXPECT_TRUE(part->w.is_same(w));  // identity stays: members, optimizers and ties are valid
  EXPECT_TRUE(w.is_alias_of(dict["w"]));
  EXPECT_EQ(w.scalar_type(), kDouble);
  EXPECT_TRUE(w.requires_grad());
  EXPECT_FALSE(w.grad().defined());
  EXPECT_EQ(part->kept.scalar_type(), kHalf);
  EXPECT_FALSE(part->kept.requires_grad());
}

TEST(StateDict, KeepsExtraStateAndVersions) {
  nn::Sequential net{Counter(4), Part()};
  nn::StateDict dict = net->state_dict();
  EXPECT_EQ(dict.keys(), (Names{"0.p", "0._extra_state", "1.w", "1.kept"}));
  EXPECT_EQ(dict.versions()["0"], 3);
  EXPECT_EQ(dict.versions()["1"], 1);
  EXPECT_EQ(dict.versions()[""], 1);
  nn::Sequential other{Counter(0), Part()};
  other->load_state_dict(dict);
  EXPECT_EQ(other->at<CounterImpl>(0).n, 4);
  dict.erase("0._extra_state");
  dict.set("1._extra_state", ones({1}));
  EXPECT_ERROR(Error, other->load_state_dict(dict),
               "Missing key(s) in state_dict: \"0._extra_state\". \n"
               "\tUnexpected key(s) in state_dict: \"1._extra_state\". ");
  struct OneWayImpl : nn::Module {
    Tensor get_extra_state() const override { return ones({1}); }
  };
  OneWayImpl one_way;
  EXPECT_ERROR(Error, one_way.load_state_dict(one_way.state_dict()),
               "Reached a code path in Module.set_extra_state() that should never be called");
}

TEST(LoadStateDict, FailingExtraStateUndoesTheLoad) {
  for (const bool assign : {false, true}) {
    nn::Sequential net{Counter(1), Counter(2), Part(3)};
    nn::StateDict dict = filled_like(net->state_dict(), 8);
    dict.set("0._extra_state", full({}, 5, kLong));
    dict.set("1._extra_state", full({}, -1, kLong));
    const Tensor w = net->at<PartImpl>(2).w;
    w.mutable_grad() = full({2}, 4.0);
    EXPECT_ERROR(Error, net->load_state_dict(dict, true, assign), "counter: negative state");
    EXPECT_EQ(net->at<CounterImpl>(0).n, 1);
    EXPECT_EQ(net->at<CounterImpl>(1).n, 2);
    EXPECT_EQ(total(w), 6);
    EXPECT_EQ(total(w.grad()), 8);
    EXPECT_EQ(total(net->parameters()[0]), 1);
  }
}

TEST(StateDict, HooksSeeAndChangeTheDict) {
  nn::Sequential net{Part()};
  Names calls;
  Part part(std::dynamic_pointer_cast<PartImpl>(net->ptr(0)));
  part->register_state_dict_pre_hook([&](nn::Module&, const std::string& prefix, bool keep_vars) {
    calls.push_back("pre " + prefix + (keep_vars ? "keep" : ""));
  });
  part->register_state_dict_post_hook(
      [&](nn::Module& module, nn::StateDict& dict, const std::string& prefix) {
        EXPECT_EQ(&module, part.get());
        calls.push_back("post " + prefix);
        dict.erase(prefix + "kept");
        dict.set(prefix + "more", ones({1}));
      });
  nn::RemovableHandle last = net->register_state_dict_post_hook(
      [&](nn::Module&, nn::StateDict&, const std::string&) { calls.push_back("post net"); });
  EXPECT_EQ(net->state_dict("a.", true).keys(), (Names{"a.0.w", "a.0.more"}));
  EXPECT_EQ(calls, (Names{"pre a.0.keep", "post a.0.", "post net"}));
  last.remove();
  last.remove();
  calls.clear();
  net->state_dict();
  EXPECT_EQ(calls, (Names{"pre 0.", "post 0."}));
}

TEST(LoadStateDict, PreHooksRenameKeys) {
  nn::Sequential net{Part(), Part()};
  std::optional<int64_t> version;
  net->ptr(0)->register_load_state_dict_pre_hook(
      [&](nn::Module&, nn::LoadStateDictContext& context) {
        version = context.version;
        EXPECT_EQ(context.prefix, "0.");
        EXPECT_TRUE(context.strict);
        const Tensor* old = context.state_dict.find("0.old_w");
        if (old == nullptr) return;
        context.state_dict.set("0.w", *old);
        context.state_dict.erase("0.old_w");
      });
  nn::StateDict dict = filled_like(net->state_dict(), 2);
  dict.set("0.old_w", dict["0.w"]);
  dict.erase("0.w");
  dict.set_version("0", 12);
  const Names before = dict.keys();
  net->load_state_dict(dict);
  EXPECT_EQ(total(net->at<PartImpl>(0).w), 4);
  EXPECT_EQ(dict.keys(), before);  // hooks work on a copy
  EXPECT_EQ(version, 12);
  net->register_load_state_dict_pre_hook([](nn::Module&, nn::LoadStateDictContext& context) {
    context.error_messages.push_back("refused by a hook");
  });
  EXPECT_ERROR(Error, net->load_state_dict(dict), "\n\trefused by a hook");
}

TEST(LoadStateDict, PostHooksForgiveKeysOrUndoTheLoad) {
  nn::Sequential net{Part(1)};
  nn::StateDict dict = filled_like(net->state_dict(), 5);
  dict.erase("0.kept");
  Names missing;
  double seen = 0;
  nn::RemovableHandle look =
      net->register_load_state_dict_post_hook([&](nn::Module&, nn::IncompatibleKeys& keys) {
        missing = keys.missing_keys;
        seen = total(net->at<PartImpl>(0).w);
      });
  EXPECT_ERROR(Error, net->load_state_dict(dict), "Missing key(s) in state_dict: \"0.kept\"");
  EXPECT_EQ(missing, Names{"0.kept"});
  EXPECT_EQ(seen, 10);                          // the hook sees the loaded values,
  EXPECT_EQ(total(net->at<PartImpl>(0).w), 2);  // which go again
  net->register_load_state_dict_post_hook(
      [](nn::Module&, nn::IncompatibleKeys& keys) { keys.missing_keys.clear(); });
  EXPECT_TRUE(net->load_state_dict(dict).missing_keys.empty());
  EXPECT_EQ(total(net->at<PartImpl>(0).w), 10);
  look.remove();
  net->register_load_state_dict_post_hook(
      [](nn::Module&, nn::IncompatibleKeys&) { TAPER_CHECK(false, "refused afterwards"); });
  EXPECT_ERROR(Error, net->load_state_dict(filled_like(net->state_dict(), 8)),
               "refused afterwards");
  EXPECT_EQ(total(net->at<PartImpl>(0).w), 10);
}

TEST(LoadStateDict, UndoRestoresTiedTensors) {
  Part first(1);
  PartImpl second(1);
  first->replace_parameter("w", second.w);
  nn::Sequential net(first);
  net->register_parameter("tied", second.w);
  net->register_load_state_dict_post_hook(
      [](nn::Module&, nn::IncompatibleKeys&) { TAPER_CHECK(false, "no"); });
  for (const bool assign : {false, true}) {
    nn::StateDict dict = filled_like(net->state_dict(), 5);
    dict.set("tied", full({2}, 6.0));
    EXPECT_ERROR(Error, net->load_state_dict(dict, true, assign), "no");
    EXPECT_EQ(total(second.w), 2);
  }
}

TEST(StateDict, IsMadeFromNamedTensors) {
  const std::vector<std::pair<std::string, Tensor>> tensors{{"a", ones({1})}, {"b", ones({2})}};
  const nn::StateDict dict(tensors);
  EXPECT_EQ(dict.keys(), (Names{"a", "b"}));
  EXPECT_TRUE(dict["b"].is_same(tensors[1].second));
}

}  // namespace
}  // namespace taper
