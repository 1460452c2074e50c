// Trains a convolutional classifier on Fashion-MNIST and writes its weights, its metrics and a
// picture of some predictions to runs/fashion_mnist. The network and the loop are LibTorch's, but
// for the namespace.
//   fashion_mnist [folder of the idx files]      DEMO_EPOCHS: number of epochs, default 5
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "taper/taper.h"
#include "taper/train/train.h"

using namespace taper;
namespace F = nn::functional;

struct Net : nn::Module {
  Net() {
    register_module("conv1", conv1);
    register_module("conv2", conv2);
    register_module("norm", norm);
    register_module("dropout", dropout);
    register_module("fc1", fc1);
    register_module("fc2", fc2);
  }

  Tensor forward(Tensor x) {
    x = max_pool2d(relu(conv1(x)), 2);        // [N, 32, 14, 14]
    x = max_pool2d(relu(norm(conv2(x))), 2);  // [N, 64, 7, 7]
    x = relu(fc1(x.flatten(1)));              // [N, 128]
    return fc2(dropout(x));                   // [N, 10]
  }

  nn::Conv2d conv1{nn::Conv2dOptions(1, 32, 3).padding(1)};
  nn::Conv2d conv2{nn::Conv2dOptions(32, 64, 3).padding(1)};
  nn::BatchNorm2d norm{64};
  nn::Linear fc1{3136, 128};
  nn::Dropout dropout{0.5};
  nn::Linear fc2{128, 10};
};

// Sums over the samples of an epoch.
struct Totals {
  double loss = 0;
  int64_t correct = 0;
  int64_t samples = 0;

  void add(const Tensor& batch_loss, const Tensor& output, const Tensor& target) {
    loss += batch_loss.item<double>() * static_cast<double>(target.size(0));
    correct += output.argmax(1).eq(target).sum().item<int64_t>();
    samples += target.size(0);
  }
  double mean_loss() const { return loss / static_cast<double>(samples); }
  double accuracy() const { return static_cast<double>(correct) / static_cast<double>(samples); }
};

template <class Loader>
Totals train_epoch(Net& model, Loader& loader, optim::Optimizer& optimizer,
                   train::Progress& progress) {
  Totals totals;
  model.train();
  for (auto& batch : loader) {
    optimizer.zero_grad();
    Tensor output = model.forward(batch.data);
    Tensor loss = F::cross_entropy(output, batch.target);
    loss.backward();
    optimizer.step();
    totals.add(loss, output, batch.target);
    progress.update(batch.data.size(0), {{"loss", totals.mean_loss()}});
  }
  progress.finish();
  return totals;
}

template <class Loader>
Totals evaluate(Net& model, Loader& loader) {
  Totals totals;
  NoGradGuard no_grad;
  model.eval();
  for (auto& batch : loader) {
    Tensor output = model.forward(batch.data);
    totals.add(F::cross_entropy(output, batch.target), output, batch.target);
  }
  return totals;
}

const std::vector<std::string> kClasses = {"T-shirt/top", "Trouser",   "Pullover", "Dress",
                                           "Coat",        "Sandal",    "Shirt",    "Sneaker",
                                           "Bag",         "Ankle boot"};

void run(const std::string& data_folder, int epochs) {
  using namespace data;
  manual_seed(0);
  const std::string run_folder = "runs/fashion_mnist";
  make_folders(run_folder);
  train::MetricsLog metrics(run_folder + "/metrics.jsonl");
  transforms::Normalize<> normalize(0.2860, 0.3530);
  datasets::MNIST train_set(data_folder);
  datasets::MNIST test_set(data_folder, datasets::MNIST::Mode::kTest);
  auto train_loader = make_data_loader(train_set.map(normalize).map(transforms::Stack<>()),
                                       DataLoaderOptions().batch_size(128).workers(2));
  auto test_loader = make_data_loader<samplers::SequentialSampler>(
      test_set.map(normalize).map(transforms::Stack<>()), DataLoaderOptions().batch_size(500));
  auto model = std::make_shared<Net>();
  optim::Adam optimizer(model->parameters(), optim::AdamOptions(1e-3));
  // The last epoch, at a tenth of the rate, settles the weights.
  optim::StepLR scheduler(optimizer, epochs > 1 ? epochs - 1 : 1, 0.1);
  Totals test;
  for (int epoch = 1; epoch <= epochs; ++epoch) {
    const std::string title = "epoch " + std::to_string(epoch) + "/" + std::to_string(epochs);
    train::Progress progress(title, static_cast<int64_t>(*train_set.size()));
    const Totals train = train_epoch(*model, *train_loader, optimizer, progress);
    scheduler.step();
    test = evaluate(*model, *test_loader);
    std::printf("%s  train loss %.4f accuracy %.4f  test loss %.4f accuracy %.4f\n", title.c_str(),
                train.mean_loss(), train.accuracy(), test.mean_loss(), test.accuracy());
    metrics.write({{"epoch", epoch},
                   {"train_loss", train.mean_loss()},
                   {"train_accuracy", train.accuracy()},
                   {"test_loss", test.mean_loss()},
                   {"test_accuracy", test.accuracy()},
                   {"images_per_second", progress.rate()},
                   {"seconds", progress.seconds()}});
  }
  train::save_weights(run_folder + "/weights.safetensors", *model);
  NoGradGuard no_grad;
  const Tensor images = test_set.images().slice(0, 0, 40);
  const Tensor predicted = model->forward(normalize(images)).argmax(1);
  train::save_predictions(run_folder + "/predictions.png", images, predicted,
                          test_set.targets().slice(0, 0, 40), kClasses);
  std::printf("weights, metrics and predictions are in %s\n", run_folder.c_str());
  std::printf("test accuracy %.4f\n", test.accuracy());
}

int main(int argc, char** argv) {
  const char* wanted = std::getenv("DEMO_EPOCHS");
  const int epochs = wanted != nullptr ? std::atoi(wanted) : 5;
  if (epochs < 1) {
    std::fprintf(stderr, "DEMO_EPOCHS must be a positive number, got '%s'\n", wanted);
    return 2;
  }
  try {
    run(argc > 1 ? argv[1] : "/usr/share/datasets/fashion-mnist", epochs);
  } catch (const Error& error) {
    std::fprintf(stderr, "fashion_mnist: %s\n", error.what());
    return 1;
  }
  return 0;
}
