// Writes an event file with every kind of value into a folder, for the Python side to read.
#include <cmath>
#include <cstdio>
#include <string>

#include "taper/ops/creation.h"
#include "taper/train/events.h"

using namespace taper;

int main(int argc, char** argv) {
  if (argc != 2) return 64;
  train::EventWriterOptions options;
  options.resume_step = 2;
  options.clock = [] { return 1700000000.125; };
  train::EventWriter writer(argv[1], options);
  writer.add_hparams({{"lr", 0.1}, {"optimizer", "Adam"}, {"bias", true}, {"layers", 3}});
  for (int64_t step = 3; step < 6; ++step) {
    writer.add_scalar("train/loss", 1.0 / static_cast<double>(step), step);
  }
  writer.add_scalar("größe", std::nan(""), -7);
  writer.add_histogram("weights/w", arange(-50, 50, kFloat).div(10), 4);
  writer.add_histogram("weights/broken", tensor({1.0, std::nan(""), HUGE_VAL}), 4);
  writer.add_images("samples", ones({3, 3, 4, 5}).mul(0.5), 5, 2);
  writer.add_text("note", "# title\n\nsome *text*", 5);
  writer.add_end(train::RunStatus::kSuccess);
  std::printf("%s\n", writer.path().c_str());
  return 0;
}
