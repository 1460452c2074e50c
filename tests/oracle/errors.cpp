// Calls that ops must refuse, from a file of lines "call | kind | whose words | text": each must
// throw this kind of taper::Error with this text in its message, and each op must have at least
// three, or a reason in another file. With --tell, writes for each line of a file of calls what
// comes of it: "<kind>\t<text>".
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <exception>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "tests/oracle/call_text.h"

namespace taper::oracle {
namespace {

constexpr size_t kErrorsOfAnOp = 3;

const char* kind_of(const Error& error) {
  if (dynamic_cast<const ShapeError*>(&error)) return "ShapeError";
  if (dynamic_cast<const DTypeError*>(&error)) return "DTypeError";
  if (dynamic_cast<const IndexError*>(&error)) return "IndexError";
  if (dynamic_cast<const OutOfMemoryError*>(&error)) return "OutOfMemoryError";
  return "Error";
}

struct Outcome {
  std::string kind, text;
};

Outcome outcome_of(std::string_view text) {
  std::optional<Call> call;
  try {
    call = read_call(text);
  } catch (const BadCase& bad) {
    return {"bad case", bad.text};
  } catch (const Error& error) {  // of a tensor that cannot be made: no op is tried
    return {"bad case", error.what()};
  }
  try {
    perform(*call);
    return {"returns", ""};
  } catch (const Error& error) {
    return {kind_of(error), error.what()};
  } catch (const BadCase& bad) {
    return {"bad case", bad.text};
  } catch (const std::exception& error) {
    return {"no taper::Error", error.what()};
  }
}

/// Calls visit with each line of a file that says something.
template <class Visit>
void for_each_line(const char* path, Visit visit) {
  std::ifstream file(path);
  if (!file) throw BadCase{std::string("cannot read ") + path};
  for (std::string line; std::getline(file, line);) {
    if (!line.empty() && line[0] != '#') visit(line);
  }
}

int tell(const char* path) {
  for_each_line(path, [](const std::string& call) {
    Outcome outcome = outcome_of(call);
    for (char& letter : outcome.text) letter = letter == '\n' ? ' ' : letter;
    std::printf("%s\t%s\n", outcome.kind.c_str(), outcome.text.c_str());
    std::fflush(stdout);
  });
  return 0;
}

/// The ops by name; add_ and add_out are add.
std::set<std::string> op_names() {
  std::set<std::string> names, ops;
  for (size_t i = 0; i < kTableSize; ++i) {
    const std::string_view signature = kTable[i].signature;
    names.emplace(signature.substr(0, signature.find('(')));
  }
  for (const std::string& name : names) {
    const size_t cut = name.ends_with("_out") ? 4 : name.ends_with("_") ? 1 : 0;
    const std::string plain = name.substr(0, name.size() - cut);
    ops.insert(names.count(plain) != 0 ? plain : name);
  }
  return ops;
}

class Errors {
 public:
  void check(const std::string& line) {
    std::string columns[4];
    size_t at = 0;
    for (std::string& column : columns) {
      const size_t end = &column == &columns[3] ? std::string::npos : line.find(" | ", at);
      column = line.substr(at, end == std::string::npos ? end : end - at);
      if (end == std::string::npos && &column != &columns[3]) return fail(line, "has no 4 columns");
      at = end + 3;
    }
    const auto& [call, kind, words, text] = columns;
    (words == "PyTorch" ? theirs_ : ours_) += 1;
    if (!calls_.insert(call).second) fail(call, "stands twice");
    if (text.size() < 12) fail(call, "is expected to say nearly nothing");
    const Outcome got = outcome_of(call);
    if (got.kind != kind || got.text.find(text) == std::string::npos) {
      fail(call, str(got.kind, ": ", got.text, "\n    expected ", kind, ": ", text));
    }
    count(call.substr(0, call.find('(')));
  }

  void excuse(const std::string& line) {
    const size_t colon = line.find(": ");
    if (colon == std::string::npos) return fail(line, "has no reason");
    for (size_t at = 0; at < colon;) {
      const size_t end = std::min(line.find(' ', at), colon);
      excused_.insert(line.substr(at, end - at));
      at = end + 1;
    }
  }

  /// True when nothing failed.
  bool report() {
    for (const std::string& op : ops_) {
      const bool enough = counts_[op] >= kErrorsOfAnOp;
      const bool excused = excused_.erase(op) != 0;
      if (enough == excused) {
        fail(op, str("has ", counts_[op], " error inputs",
                     excused ? " and an excuse" : ", expected at least 3"));
      }
      few_ += excused;
    }
    for (const std::string& name : excused_) fail(name, "is excused, but is no op");
    std::printf(
        "%zu ops: %zu with at least %zu error inputs, %zu excused; %zu error inputs, "
        "%zu in PyTorch's words; %zu failures\n",
        ops_.size(), ops_.size() - few_, kErrorsOfAnOp, few_, theirs_ + ours_, theirs_, failures_);
    return failures_ == 0;
  }

 private:
  void fail(const std::string& what, const std::string& text) {
    ++failures_;
    std::printf("%s: %s\n", what.c_str(), text.c_str());
  }

  void count(std::string name) {
    if (ops_.count(name) == 0) name.resize(name.size() - (name.ends_with("_out") ? 4 : 1));
    ++counts_[name];
  }

  const std::set<std::string> ops_ = op_names();
  std::map<std::string, size_t> counts_;
  std::set<std::string> calls_, excused_;
  size_t theirs_ = 0, ours_ = 0, few_ = 0, failures_ = 0;
};

}  // namespace
}  // namespace taper::oracle

int main(int argc, char** argv) {
  using namespace taper::oracle;
  if (argc != 3) {
    std::fprintf(stderr, "usage: taper_errors ERRORS FEW | taper_errors --tell CALLS\n");
    return 2;
  }
  try {
    taper::set_warning_handler([](std::string_view) {});
    if (std::strcmp(argv[1], "--tell") == 0) return tell(argv[2]);
    Errors errors;
    for_each_line(argv[1], [&](const std::string& line) { errors.check(line); });
    for_each_line(argv[2], [&](const std::string& line) { errors.excuse(line); });
    return errors.report() ? 0 : 1;
  } catch (const BadCase& bad) {
    std::fprintf(stderr, "%s\n", bad.text.c_str());
    return 2;
  }
}
