// Makes everything that the config names, and trains on one batch.
#include <cstdio>

#include "project.h"
#include "taper/taper.h"
#include "taper/train/train.h"

namespace train = taper::train;

int main(int argc, char** argv) {
  try {
    train::Project project;
    register_all(project);
    const train::Config config = train::Config::load(argc > 1 ? argv[1] : "config.json");
    const auto data = project.data.make(config.at("data"));
    auto model = project.models.make(config.at("arch"), *data);
    const auto loss = project.losses.make(config.at("loss"));

    const auto batches = data->train();
    taper::data::Example<> batch;
    batches->start_epoch();
    TAPER_CHECK(batches->next(batch), "the training data has no batch");
    TAPER_CHECK(batch.data.size(0) >= 1, "the batch is empty");
    TAPER_CHECK(batch.data[0].sizes() == data->example()[0].sizes(), "the example has the sizes ",
                data->example().sizes(), ", the batch ", batch.data.sizes());

    const taper::Tensor value = loss(model.forward(batch.data), batch.target);
    TAPER_CHECK(value.isfinite().all().item<bool>(), "the loss is ", value);
    value.backward();
    for (const auto& parameter : model.ptr()->named_parameters()) {
      TAPER_CHECK(parameter.value().grad().defined(), parameter.key(), " has no gradient");
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "project_test: %s\n", error.what());
    return 1;
  }
  std::puts("ok");
  return 0;
}
