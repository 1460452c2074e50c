#include "taper/train/app.h"

#include <filesystem>

#include "taper/train/app_verbs.h"

namespace taper::train {
namespace {

constexpr size_t kAny = static_cast<size_t>(-1);

const OptionSpec kConfigOption = {'c', "config", "FILE", "the config file (config.json)"};
const OptionSpec kPresetOption = {'p', "preset", "NAME", "one of the file's presets"};
const OptionSpec kCheckpointOption = {
    'k', "checkpoint", "NAME", "best, last or a name in the run's ckpt/ (best if there is one)"};

ProgramSpec project_program(std::string name) {
  return {
      std::move(name),
      "Trains and uses the models of this project.",
      {{"train",
        "[key=value ...]",
        "trains a model into a new run folder",
        0,
        kAny,
        {kConfigOption, kPresetOption}},
       {"resume",
        "RUN [key=value ...]",
        "goes on with a run, to the bit",
        1,
        kAny,
        {{0, "older", nullptr, "takes an older checkpoint where the last one is damaged"}}},
       {"test", "RUN [key=value ...]", "figures on the test data", 1, kAny, {kCheckpointOption}},
       {"predict",
        "RUN [FILE ...]",
        "what the model says of files, or of the test data",
        1,
        kAny,
        {kCheckpointOption}},
       {"lr-find",
        "[key=value ...]",
        "tries learning rates on a few batches",
        0,
        kAny,
        {kConfigOption,
         kPresetOption,
         {0, "min", "RATE", "the first rate (1e-6)"},
         {0, "max", "RATE", "the last rate (1)"},
         {0, "steps", "N", "how many (100)"}}},
       {"plot",
        "RUN ...",
        "draws runs as SVG and as one HTML page",
        1,
        kAny,
        {{'o', "output", "FILE", "the page (RUN/report.html, or report.html for several)"}}},
       {"config",
        "[key=value ...]",
        "prints the config with every key",
        0,
        kAny,
        {kConfigOption,
         kPresetOption,
         {0, "schema", nullptr, "prints the JSON Schema of config files instead"},
         {0, "sources", nullptr, "says for each value where it comes from"}}},
       {"data",
        "[key=value ...]",
        "what is in the data",
        0,
        kAny,
        {kConfigOption,
         kPresetOption,
         {'o', "output", "FILE", "a picture of samples (data.png)"}}}}};
}

int run_verb(const std::string& name, const Project& project, const CommandLine& line) {
  if (name == "train") return train_verb(project, line);
  if (name == "resume") return resume_verb(project, line);
  if (name == "test") return test_verb(project, line);
  if (name == "predict") return predict_verb(project, line);
  if (name == "lr-find") return lr_find_verb(project, line);
  if (name == "plot") return plot_verb(line);
  if (name == "config") return config_verb(project, line);
  return data_verb(project, line);
}

}  // namespace

int run_project(int argc, const char* const* argv, void (*register_all)(Project& project)) {
  std::vector<std::string> given(argv + (argc > 0 ? 1 : 0), argv + argc);
  const std::string name =
      argc > 0 ? std::filesystem::path(argv[0]).filename().string() : std::string("project");
  return run_command(name, [&] {
    const ProgramSpec program = project_program(name);
    const VerbSpec* verb = find_verb(program, given);
    if (verb == nullptr) return static_cast<int>(kDone);
    const CommandLine line(*verb, {given.begin() + 1, given.end()});
    Project project;
    if (register_all != nullptr) register_all(project);
    return run_verb(verb->name, project, line);
  });
}

}  // namespace taper::train
