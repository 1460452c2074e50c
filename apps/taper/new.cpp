// taper new: copies a template, all of it or nothing.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <optional>

#include "apps/taper/verbs.h"
#include "taper/base/error.h"
#include "taper/base/file.h"
#include "taper/base/folder.h"
#include "taper/base/system.h"
#include "taper/train/config_node.h"

namespace fs = std::filesystem;
using namespace taper;
using namespace taper::train;

namespace {

// Targets that CMake or the templates make themselves.
constexpr std::array kTaken = {"all",           "clean",        "depend",        "edit_cache",
                               "help",          "install",      "package",       "package_source",
                               "project_parts", "project_test", "rebuild_cache", "test"};

void check_name(const std::string& name) {
  bool plain =
      !name.empty() && name.size() <= 64 && std::isalpha(static_cast<unsigned char>(name[0]));
  for (const char c : name) {
    plain = plain && (std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-');
  }
  TAPER_CHECK_AS(ConfigError, plain, "new: got the name ", quote_name(name),
                 ", expected a letter and up to 63 letters, digits, '-' and '_'");
  TAPER_CHECK_AS(ConfigError, std::find(kTaken.begin(), kTaken.end(), name) == kTaken.end(),
                 "new: the name ", quote_name(name), " means something to CMake, choose another");
}

std::vector<std::string> template_names(const std::string& templates) {
  TAPER_CHECK_AS(ConfigError, is_folder(templates + "/common"), "new: no templates in ",
                 quote_path(templates), "; --templates names another folder");
  std::vector<std::string> names;
  for (const std::string& name : list_folder(templates)) {
    if (name != "common" && is_folder(templates + "/" + name)) names.push_back(name);
  }
  return names;
}

std::string read_text(const std::string& path) {
  const ByteBuffer bytes = read_file(path, 1 << 24);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void write_text(const std::string& path, const std::string& text) {
  write_file(path, text.data(), text.size());
}

std::string filled(std::string text, const std::string& name) {
  const std::pair<std::string, std::string> marks[] = {{"@NAME@", name},
                                                       {"@YEAR@", local_time(wall_time(), "%Y")}};
  for (const auto& [mark, value] : marks) {
    for (size_t at = 0; (at = text.find(mark, at)) != std::string::npos; at += value.size()) {
      text.replace(at, mark.size(), value);
    }
  }
  return text;
}

void copy_files(const std::string& from, const std::string& to, const std::string& name) {
  for (const std::string& file : list_folder(from)) {
    const std::string source = from + "/" + file;
    if (is_folder(source)) {
      make_folders(to + "/" + file);
      copy_files(source, to + "/" + file, name);
    } else if (file != "USAGE.md") {
      write_text(to + "/" + (file == "gitignore" ? ".gitignore" : file),
                 filled(read_text(source), name));
    }
  }
}

void generate(const std::string& templates, const std::string& kind, const std::string& name) {
  std::error_code error;
  TAPER_CHECK_AS(ConfigError, !fs::exists(fs::symlink_status(name, error)),
                 "new: ", quote_path(name), " is there already");
  const std::string scratch = temporary_sibling(name);
  remove_all(scratch);
  try {
    make_folders(scratch);
    copy_files(templates + "/common", scratch, name);
    copy_files(templates + "/" + kind, scratch, name);
    // A template's own page, and what all projects have in common.
    write_text(scratch + "/README.md", filled(read_text(templates + "/" + kind + "/README.md") +
                                                  read_text(templates + "/common/USAGE.md"),
                                              name));
    fs::rename(scratch, name);
  } catch (...) {
    remove_all(scratch);
    throw;
  }
}

// Shows what the program said only when it fails.
void run(const std::string& what, const std::string& folder, std::vector<std::string> words) {
  print(what + "\n");
  words.insert(words.begin(), {"sh", "-c", "exec \"$0\" \"$@\" 2>&1"});
  const std::optional<ProgramResult> result = run_program(words, folder, /*seconds=*/1800);
  TAPER_CHECK(result.has_value(), "new --check: ", what, ": cannot start it, or it takes too long");
  if (result->status != 0) print(result->output);
  TAPER_CHECK(result->status == 0, "new --check: ", what, ": failed with ", result->status);
}

void check_project(const std::string& name, const std::string& prefix) {
  run("configuring", name,
      {"cmake", "-B", "build", "-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_PREFIX_PATH=" + prefix});
  run("building", name, {"cmake", "--build", "build", "--parallel"});
  const std::string program = "build/" + name;
  const std::string runs = "build/check-runs";
  remove_all(name + "/" + runs);
  run("testing", name, {"ctest", "--test-dir", "build"});
  run("training two steps", name,
      {program, "train", "--preset", "check", "trainer.max_steps=2", "runs=" + runs});
  run("resuming", name, {program, "resume", runs + "/" + name, "trainer.max_steps=4"});
  run("testing the model", name, {program, "test", runs + "/" + name});
  remove_all(name + "/" + runs);
}

}  // namespace

int new_verb(const CommandLine& line) {
  const std::string& name = line.words()[0];
  const std::string kind = line.get("template", "minimal");
  const std::string templates = line.get("templates", installed_templates());
  check_name(name);
  const std::vector<std::string> kinds = template_names(templates);
  TAPER_CHECK_AS(ConfigError, std::find(kinds.begin(), kinds.end(), kind) != kinds.end(),
                 "new: no template ", quote_name(kind), suggestion(kind, kinds));
  generate(templates, kind, name);
  print(fmt::format(
      "made the project {0} from the template {1}; README.md in it says how to use it:\n"
      "  cd {0} && cmake -B build && cmake --build build --parallel && "
      "build/{0} train\n",
      name, kind));
  if (line.has("check")) {
    check_project(name, line.get("prefix", install_prefix()));
    print("the project builds, trains and resumes\n");
  }
  return kDone;
}
