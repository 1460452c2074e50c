#include <filesystem>

#include "apps/taper/verbs.h"

using namespace taper::train;

namespace {

ProgramSpec taper_program() {
  return {
      "taper",
      "Makes projects that train with Taper, and looks after the installation.",
      {{"new",
        "NAME",
        "makes a project in the folder NAME",
        1,
        1,
        {{'t', "template", "T", "minimal, image-classification, tabular or text (minimal)"},
         {0, "check", nullptr, "builds the project, trains two steps and resumes"},
         {0, "templates", "FOLDER", "takes templates from elsewhere"},
         {0, "prefix", "FOLDER", "where --check finds Taper (where this program is)"}}},
       {"doctor", "", "says how Taper is installed, what is wrong and how to mend it", 0, 0, {}}}};
}

}  // namespace

std::string install_prefix() {
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? std::string("/usr/local") : program.parent_path().parent_path().string();
}

std::string installed_templates() { return install_prefix() + "/share/taper/templates"; }

int main(int argc, char** argv) {
  return run_command("taper", [&] {
    const std::vector<std::string> given(argv + (argc > 0 ? 1 : 0), argv + argc);
    const ProgramSpec program = taper_program();
    const VerbSpec* verb = find_verb(program, given);
    if (verb == nullptr) return static_cast<int>(kDone);
    const CommandLine line(*verb, {given.begin() + 1, given.end()});
    return std::string(verb->name) == "new" ? new_verb(line) : doctor_verb();
  });
}
