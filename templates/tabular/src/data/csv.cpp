#include "data/csv.h"

#include <algorithm>

#include "data/table.h"
#include "taper/train/project.h"

namespace data = taper::data;
namespace train = taper::train;
using taper::Tensor;

namespace {

struct CsvArgs {
  std::string file;
  std::string target;
  std::string task = "regression";
  std::vector<std::string> leave_out;
  int64_t batch_size = 64;
  double valid_share = 0.15, test_share = 0.15;
  int64_t split_seed = 0;

  void fields(train::Fields& f) {
    f("file", file, "comma-separated values with a header").required();
    f("target", target, "the column to predict").required();
    f("task", task, "whether the target is a number or a class")
        .one_of({"regression", "classification"});
    f("leave_out", leave_out, "columns that are no inputs");
    f("batch_size", batch_size, "rows in a batch").min(1);
    f("valid_share", valid_share, "share of the rows that chooses the best checkpoint")
        .min(0)
        .below(0.9);
    f("test_share", test_share, "share of the rows for the final figure").min(0).below(0.9);
    f("split_seed", split_seed, "chooses which ones").min(0);
  }
};

class Csv : public train::DataModule {
 public:
  explicit Csv(const CsvArgs& args)
      : args_(args), table_(read_table(args.file)), parts_(split()), encoder_(make_encoder()) {
    if (args.task == "classification") classes_ = different(target_texts());
    inputs_ = encoder_.encode(table_);
    targets_ = make_targets();
  }

  std::shared_ptr<train::Batches> train() override {
    return batches<data::samplers::RandomSampler>(parts_.train);
  }
  std::shared_ptr<train::Batches> valid() override {
    return batches<data::samplers::SequentialSampler>(parts_.valid);
  }
  std::shared_ptr<train::Batches> test() override {
    return batches<data::samplers::SequentialSampler>(parts_.test);
  }
  Tensor example() override { return taper::zeros({1, inputs_.size(1)}); }
  std::vector<std::string> classes() const override { return classes_; }

  // For each row of another table with the same columns.
  std::string predict(taper::nn::AnyModule& model, const std::string& file) override {
    const Tensor output = model.forward(encoder_.encode(read_table(file)));
    std::string text;
    for (int64_t i = 0; i < output.size(0); ++i) {
      text += "\n  row " + std::to_string(i + 1) + ": ";
      if (classes_.empty()) {
        text += std::to_string(output[i].item<double>() * scale_ + shift_);
      } else {
        text += classes_[static_cast<size_t>(output[i].argmax().item<int64_t>())];
      }
    }
    return text;
  }

 private:
  struct Parts {
    std::vector<size_t> train, valid, test;
  };

  Parts split() const {
    Parts parts;
    const auto rows = static_cast<double>(table_.rows());
    const auto valid = static_cast<size_t>(rows * args_.valid_share);
    const auto test = static_cast<size_t>(rows * args_.test_share);
    const Tensor order =
        taper::randperm(static_cast<int64_t>(table_.rows()),
                        taper::Generator::create(static_cast<uint64_t>(args_.split_seed)));
    for (size_t i = 0; i < table_.rows(); ++i) {
      auto& part = i < valid ? parts.valid : i < valid + test ? parts.test : parts.train;
      part.push_back(static_cast<size_t>(order[static_cast<int64_t>(i)].item<int64_t>()));
    }
    TAPER_CHECK_AS(ConfigError, !parts.train.empty(),
                   "valid_share and test_share leave no row for the training");
    return parts;
  }

  Encoder make_encoder() const {
    std::vector<std::string> columns;
    for (const std::string& name : args_.leave_out) table_.find(name);
    for (const std::string& name : table_.names) {
      const bool left_out =
          std::find(args_.leave_out.begin(), args_.leave_out.end(), name) != args_.leave_out.end();
      if (name != args_.target && !left_out) columns.push_back(name);
    }
    TAPER_CHECK_AS(ConfigError, !columns.empty(), "the table has no columns but the target");
    return Encoder(table_, columns, parts_.train);
  }

  const std::vector<std::string>& target_texts() const {
    return table_.columns[table_.find(args_.target)];
  }

  // Classes [N], or numbers [N, 1] with the mean 0 and the deviation 1 of the training rows.
  Tensor make_targets() {
    std::vector<double> values;
    for (const std::string& text : target_texts()) {
      if (!classes_.empty()) {
        const auto found = std::lower_bound(classes_.begin(), classes_.end(), text);
        values.push_back(static_cast<double>(found - classes_.begin()));
        continue;
      }
      const auto number = number_of(text, args_.target);
      TAPER_CHECK_AS(ConfigError, number.has_value(), "column '", args_.target,
                     "': a row has no target");
      values.push_back(*number);
    }
    const Tensor all = taper::tensor(values, taper::kDouble);
    if (!classes_.empty()) return all.to(taper::kLong);
    const Tensor training = all.index_select(0, places(parts_.train));
    shift_ = training.mean().item<double>();
    scale_ = std::max(training.std(false).item<double>(), 1e-12);
    return ((all - shift_) / scale_).to(taper::kFloat).unsqueeze(1);
  }

  static Tensor places(const std::vector<size_t>& rows) {
    return taper::tensor(std::vector<int64_t>(rows.begin(), rows.end()), taper::kLong);
  }

  template <class Sampler>
  std::shared_ptr<train::Batches> batches(const std::vector<size_t>& rows) const {
    if (rows.empty()) return nullptr;
    const Tensor at = places(rows);
    auto dataset =
        data::datasets::PairDataset(inputs_.index_select(0, at), targets_.index_select(0, at))
            .map(data::transforms::Stack<>());
    return train::make_batches(
        data::make_data_loader<Sampler>(
            std::move(dataset), data::DataLoaderOptions(static_cast<size_t>(args_.batch_size))),
        static_cast<int64_t>(rows.size()));
  }

  CsvArgs args_;
  Table table_;
  Parts parts_;
  Encoder encoder_;
  std::vector<std::string> classes_;
  double shift_ = 0, scale_ = 1;  // of a number to predict
  Tensor inputs_, targets_;
};

}  // namespace

void add_csv(train::Project& project) {
  project.data.add<CsvArgs>("Csv", "a table in a file",
                            [](const CsvArgs& args) { return std::make_shared<Csv>(args); });
}
