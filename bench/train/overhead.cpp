// What train::Trainer costs over a loop written by hand, in pairs: the share of a step of about
// 1 ms, alone and with the records of a project's run (metrics, TensorBoard with histograms), and
// what an epoch of one small step costs more. Prints JSON.
//   bench_trainer PAIRS
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "taper/taper.h"
#include "taper/train/run_folder.h"
#include "taper/train/run_records.h"
#include "taper/train/trainer.h"

using namespace taper;

namespace {

// Of the processor, all threads of it, which a busy machine disturbs less; nothing here waits for
// the disk.
double seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

Tensor loss_of(const Tensor& output, const Tensor& target) {
  return nn::functional::cross_entropy(output, target);
}

// A project's data as far as its records ask for it.
class MemoryData final : public train::DataModule {
 public:
  explicit MemoryData(const std::vector<data::Example<>>& batches) : batches_(batches) {}
  std::shared_ptr<train::Batches> train() override {
    return std::make_shared<train::MemoryBatches>(batches_);
  }
  Tensor example() override { return batches_.front().data.slice(0, 0, 1); }

 private:
  const std::vector<data::Example<>>& batches_;
};

// Removed with what the runs have written.
struct RunsFolder {
  RunsFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "taper-bench-XXXXXX").string();
    TAPER_CHECK(::mkdtemp(name.data()) != nullptr, "no temporary folder ", name);
    path = name;
  }
  ~RunsFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  std::string path;
};

enum class Records { kNone, kAll };

struct Pair {
  Pair(int64_t width, int64_t batch, int64_t batches, int64_t epochs)
      : net(nn::Linear(width, width), nn::ReLU(), nn::Linear(width, 10)),
        optimizer(std::make_shared<optim::Adam>(net->parameters(), optim::AdamOptions(1e-4))),
        epochs(epochs) {
    for (int64_t i = 0; i < batches; ++i) {
      data.emplace_back(randn({batch, width}), randint(10, {batch}));
    }
  }

  // All the epochs' batches as one epoch.
  void one_epoch() {
    const std::vector<data::Example<>> once = data;
    for (; epochs > 1; --epochs) data.insert(data.end(), once.begin(), once.end());
  }

  double bare() {
    const double start = seconds();
    double sum = 0;
    for (int64_t epoch = 0; epoch < epochs; ++epoch) {
      for (const data::Example<>& batch : data) {
        optimizer->zero_grad();
        const Tensor loss = loss_of(net->forward(batch.data), batch.target);
        loss.backward();
        optimizer->step();
        sum += loss.item<double>();
      }
    }
    TAPER_CHECK(sum >= 0, "the loss is no number");
    return seconds() - start;
  }

  double trained(Records records) {
    const double start = seconds();
    train::TrainerParts parts{
        .model = nn::AnyModule(net), .loss = &loss_of, .optimizer = optimizer};
    if (records == Records::kAll) {
      const auto writer = std::make_shared<train::RunRecords>(std::make_shared<MemoryData>(data),
                                                              train::RecordsOptions());
      writer->open(train::RunFolder::create(runs.path, "overhead"), train::Config::object(), "",
                   std::nullopt);
      parts.callbacks.push_back(writer);
    }
    train::TrainerOptions options;
    options.epochs = epochs;
    options.progress_options.output = 2;
    train::Trainer trainer(std::move(parts), options);
    trainer.fit(std::make_shared<train::MemoryBatches>(data));
    return seconds() - start;
  }

  // Median seconds by hand and by the trainer, in turns.
  std::pair<double, double> times(Records records = Records::kNone) {
    std::vector<double> by_hand, by_trainer;
    for (int turn = 0; turn < 9; ++turn) {
      by_hand.push_back(bare());
      by_trainer.push_back(trained(records));
    }
    return {median(by_hand), median(by_trainer)};
  }

  nn::Sequential net;
  std::shared_ptr<optim::Adam> optimizer;
  int64_t epochs;
  std::vector<data::Example<>> data;
  RunsFolder runs;
};

}  // namespace

int main(int argc, char** argv) {
  const int pairs = argc > 1 ? std::atoi(argv[1]) : 7;
  // An epoch's records are a fixed cost: of 400 steps, as of 51,200 samples in batches of 128.
  Pair step(360, 128, 40, 1), recorded(360, 128, 40, 10), epoch(16, 8, 1, 1000);
  recorded.one_epoch();
  step.times();
  epoch.times();
  std::printf("{\"step_percent\": [");
  for (int i = 0; i < pairs; ++i) {
    const auto [bare, trained] = step.times();
    std::printf("%s%.4f", i == 0 ? "" : ", ", 100 * (trained / bare - 1));
  }
  std::printf("], \"recorded_percent\": [");
  for (int i = 0; i < pairs; ++i) {
    const auto [bare, trained] = recorded.times(Records::kAll);
    std::printf("%s%.4f", i == 0 ? "" : ", ", 100 * (trained / bare - 1));
  }
  std::printf("], \"epoch_us\": [");
  for (int i = 0; i < pairs; ++i) {
    const auto [bare, trained] = epoch.times();
    std::printf("%s%.4f", i == 0 ? "" : ", ", 1e6 * (trained - bare) / 1000);
  }
  std::printf("]}\n");
  return 0;
}
