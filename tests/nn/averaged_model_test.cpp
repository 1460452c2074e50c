// Averages of models' weights, and batch normalizations that follow them.
#include "taper/nn/averaged_model.h"

#include <gtest/gtest.h>

#include <string>

#include "taper/taper.h"
#include "tests/nn/near.h"
#include "tests/support/expect_error.h"

namespace taper {
namespace {

void set_weight(nn::Linear& net, double value) {
  NoGradGuard no_grad;
  net->weight.fill_(value);
  net->bias.fill_(-value);
}

TEST(AveragedModel, WeighsModelsEqually) {
  nn::Linear net(2, 1);
  nn::AveragedModel averaged(net);
  EXPECT_EQ(averaged->state_dict().keys(),
            (std::vector<std::string>{"n_averaged", "module.weight", "module.bias"}));
  for (const double value : {1.0, 2.0, 6.0}) {
    set_weight(net, value);
    averaged->update_parameters(*net);
  }
  EXPECT_EQ(averaged->n_averaged.item<int64_t>(), 3);
  expect_near(averaged->module->weight, {3, 3});
  expect_near(averaged->module->bias, {-3});
  expect_near(averaged(ones({1, 2})), {3});
  expect_near(net->weight, {6, 6});
  EXPECT_TRUE(averaged->module->weight.requires_grad());
}

TEST(AveragedModel, TakesAnyAverage) {
  using Options = nn::AveragedModelOptions;
  int calls = 0;
  const std::vector<Options> cases = {
      Options().avg_fn(nn::get_ema_avg_fn(0.75)),
      Options().multi_avg_fn(nn::get_ema_multi_avg_fn(0.75)),
      Options().avg_fn([&](const Tensor& averaged, const Tensor& current, int64_t count) {
        EXPECT_EQ(count, calls++ < 2 ? 1 : 2);
        return averaged * 0.75 + current * 0.25;
      }),
  };
  for (const Options& options : cases) {
    nn::Linear net(2, 1);
    nn::AveragedModel averaged(net.ptr(), options);
    for (const double value : {4.0, 8.0, 16.0}) {
      set_weight(net, value);
      averaged->update_parameters(*net);
    }
    expect_near(averaged->module->weight, {7.75, 7.75});
  }
  EXPECT_EQ(calls, 4);
  nn::Linear net(2, 1);
  nn::AveragedModel swa(net, Options().avg_fn(nn::get_swa_avg_fn()));
  nn::AveragedModel multi(net, Options().multi_avg_fn(nn::get_swa_multi_avg_fn()));
  for (const double value : {4.0, 8.0, 18.0}) {
    set_weight(net, value);
    swa->update_parameters(*net);
    multi->update_parameters(*net);
  }
  expect_near(swa->module->weight, {10, 10});
  expect_near(multi->module->weight, {10, 10});
}

TEST(AveragedModel, CopiesOrAveragesBuffers) {
  for (const bool use_buffers : {false, true}) {
    nn::BatchNorm1d net(1);
    nn::AveragedModel averaged(net, nn::AveragedModelOptions().use_buffers(use_buffers));
    for (const double value : {2.0, 4.0}) {
      net->running_mean.fill_(value);
      net->num_batches_tracked.fill_(value);
      averaged->update_parameters(*net);
    }
    EXPECT_EQ(averaged->module->running_mean.item<double>(), use_buffers ? 3 : 4);
    EXPECT_EQ(averaged->module->num_batches_tracked.item<int64_t>(), use_buffers ? 3 : 4);
  }
}

TEST(AveragedModel, RefusesOtherModelsAndSettings) {
  nn::Linear net(2, 1);
  nn::AveragedModel averaged(net);
  EXPECT_ERROR(ShapeError, (averaged->update_parameters(*nn::Linear(3, 1)), 0),
               "AveragedModel: got a tensor of sizes [1, 3], expected [1, 2]");
  EXPECT_ERROR(ShapeError, (averaged->update_parameters(*nn::BatchNorm1d(1)), 0),
               "got a model of 2 parameters and 3 buffers, expected 2 and 0");
  EXPECT_EQ(averaged->n_averaged.item<int64_t>(), 0);
  EXPECT_ERROR(ConfigError, nn::get_ema_avg_fn(1.5), "Invalid decay value 1.5 provided");
  EXPECT_ERROR(ConfigError, nn::get_ema_multi_avg_fn(-1), "in [0,1] range");
  EXPECT_ERROR(ConfigError,
               nn::AveragedModel(net, nn::AveragedModelOptions()
                                          .avg_fn(nn::get_swa_avg_fn())
                                          .multi_avg_fn(nn::get_swa_multi_avg_fn())),
               "Only one of avg_fn and multi_avg_fn");
}

TEST(AveragedModel, StateDictsContinueAnAverage) {
  nn::Linear net(2, 1);
  nn::AveragedModel averaged(net), other(net);
  set_weight(net, 2);
  averaged->update_parameters(*net);
  other->load_state_dict(averaged->state_dict());
  set_weight(net, 4);
  other->update_parameters(*net);
  expect_near(other->module->weight, {3, 3});
}

TEST(UpdateBn, GathersStatisticsOfAllBatches) {
  nn::BatchNorm1d norm(nn::BatchNorm1dOptions(1).momentum(0.5));
  nn::Sequential net(nn::Linear(1, 1), norm);
  {
    NoGradGuard no_grad;
    net->parameters()[0].fill_(1);
    net->parameters()[1].fill_(0);
  }
  norm->running_mean.fill_(100);
  net->eval();
  const std::vector<data::Example<>> batches = {{tensor({1.0f, 3.0f}).view({2, 1}), zeros({2})},
                                                {tensor({5.0f, 11.0f}).view({2, 1}), zeros({2})}};
  nn::update_bn(batches, net);
  // Means of the batches' means and variances: (2 + 8) / 2, (2 + 18) / 2.
  expect_near(norm->running_mean, {5});
  expect_near(norm->running_var, {10}, 1e-5);
  EXPECT_EQ(norm->options.momentum(), std::optional<double>(0.5));
  EXPECT_FALSE(net->is_training());
  EXPECT_FALSE(norm->is_training());
  EXPECT_FALSE(norm->running_mean.requires_grad());
  // A model without such layers sees no batch.
  nn::Linear plain(7, 1);
  nn::update_bn(batches, plain);
}

TEST(UpdateBn, RestoresWhenABatchThrows) {
  nn::BatchNorm1d norm(nn::BatchNorm1dOptions(2).momentum(0.25));
  norm->eval();
  EXPECT_THROW(nn::update_bn(std::vector<Tensor>{zeros({4})}, norm), ShapeError);
  EXPECT_EQ(norm->options.momentum(), std::optional<double>(0.25));
  EXPECT_FALSE(norm->is_training());
}

}  // namespace
}  // namespace taper
