#include "taper/train/command_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "taper/base/file.h"
#include "taper/base/version.h"
#include "taper/train/config_node.h"

namespace taper::train {
namespace {

const OptionSpec* find_option(const VerbSpec& verb, const std::string& word) {
  for (const OptionSpec& option : verb.options) {
    if (word == std::string("--") + option.name) return &option;
    if (option.letter != 0 && word == std::string{'-', option.letter}) return &option;
  }
  return nullptr;
}

std::vector<std::string> option_names(const VerbSpec& verb) {
  std::vector<std::string> names;
  for (const OptionSpec& option : verb.options) names.push_back(std::string("--") + option.name);
  return names;
}

std::string help_of(const ProgramSpec& program) {
  std::string text = fmt::format("{}\n\n{} VERB ...\n\n", program.help, program.name);
  for (const VerbSpec& verb : program.verbs) {
    text += fmt::format("  {:<38} {}\n", fmt::format("{} {}", verb.name, verb.words), verb.help);
  }
  return text + fmt::format("\n{} VERB --help shows a verb's options.\n", program.name);
}

std::string help_of(const ProgramSpec& program, const VerbSpec& verb) {
  std::string text = fmt::format("{} {} {}: {}\n", program.name, verb.name, verb.words, verb.help);
  for (const OptionSpec& option : verb.options) {
    const std::string letter =
        option.letter == 0 ? "    " : fmt::format("-{}, ", std::string(1, option.letter));
    const std::string value = option.value == nullptr ? "" : std::string(" ") + option.value;
    text += fmt::format("  {:<24} {}\n", letter + "--" + option.name + value, option.help);
  }
  return text;
}

}  // namespace

CommandLine::CommandLine(const VerbSpec& verb, const std::vector<std::string>& given) {
  bool options_end = false;
  for (size_t i = 0; i < given.size(); ++i) {
    const std::string& word = given[i];
    if (options_end || word.size() < 2 || word[0] != '-') {
      words_.push_back(word);
      continue;
    }
    if (word == "--") {
      options_end = true;
      continue;
    }
    const size_t equals = word.starts_with("--") ? word.find('=') : std::string::npos;
    const std::string name = word.substr(0, equals);
    const OptionSpec* option = find_option(verb, name);
    TAPER_CHECK_AS(ConfigError, option != nullptr, verb.name, ": no option ", quote_text(name),
                   suggestion(name, option_names(verb)));
    std::string value;
    if (option->value == nullptr) {
      TAPER_CHECK_AS(ConfigError, equals == std::string::npos, verb.name, ": --", option->name,
                     " takes no value");
    } else if (equals != std::string::npos) {
      value = word.substr(equals + 1);
    } else {
      TAPER_CHECK_AS(ConfigError, i + 1 < given.size(), verb.name, ": --", option->name,
                     " needs a value, expected ", option->value);
      value = given[++i];
    }
    options_.emplace_back(option->name, std::move(value));
  }
  TAPER_CHECK_AS(ConfigError, words_.size() >= verb.least_words, verb.name, ": expected ",
                 verb.words, ", got ", words_.size(), " words");
  TAPER_CHECK_AS(ConfigError, words_.size() <= verb.most_words, verb.name, ": expected ",
                 *verb.words == 0 ? "no words" : verb.words, ", got ",
                 quote_text(words_[std::min(verb.most_words, words_.size() - 1)]), " as well");
}

bool CommandLine::has(const std::string& option) const {
  return std::any_of(options_.begin(), options_.end(),
                     [&](const auto& given) { return given.first == option; });
}

std::string CommandLine::get(const std::string& option, const std::string& otherwise) const {
  for (size_t i = options_.size(); i-- > 0;) {
    if (options_[i].first == option) return options_[i].second;
  }
  return otherwise;
}

double CommandLine::number(const std::string& option, double otherwise) const {
  if (!has(option)) return otherwise;
  const std::string text = get(option, "");
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  TAPER_CHECK_AS(ConfigError, error == std::errc() && end == text.data() + text.size(), "--",
                 option, ": expected a number, got ", quote_text(text));
  return value;
}

const VerbSpec* find_verb(const ProgramSpec& program, const std::vector<std::string>& given) {
  TAPER_CHECK_AS(ConfigError, !given.empty(), "expected a verb, got none; --help lists them");
  const std::string& name = given[0];
  if (name == "--help" || name == "-h" || name == "help") {
    print(help_of(program));
    return nullptr;
  }
  if (name == "--version") {
    print(fmt::format("{} with Taper {}\n", program.name, version()));
    return nullptr;
  }
  std::vector<std::string> names;
  for (const VerbSpec& verb : program.verbs) {
    names.emplace_back(verb.name);
    if (name != verb.name) continue;
    for (const char* help : {"--help", "-h"}) {
      if (std::find(given.begin() + 1, given.end(), help) == given.end()) continue;
      print(help_of(program, verb));
      return nullptr;
    }
    return &verb;
  }
  taper::detail::fail<ConfigError>("no verb ", quote_text(name), suggestion(name, names));
}

void print_error(const std::string& program, const char* what) {
  std::string line = fmt::format("{}: {}", program, what);
  std::replace(line.begin(), line.end(), '\n', ' ');
  write_output(2, line + '\n');
}

void print(std::string_view text) { write_output(1, text); }

}  // namespace taper::train
