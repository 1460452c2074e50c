// Calls every op with degenerate arguments: for each case of a file and each of its arguments, the
// same call with that argument empty, of no dimensions, NaN, of another type, huge, and so on. The
// op must return or throw a taper::Error that says something: no death, no hang, nothing else
// thrown, nothing left alive. Built with the sanitizers of the dev preset, no report either.
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <iterator>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "tests/oracle/case_file.h"

namespace taper::oracle {
namespace {

constexpr int kSeconds = 4;                    // of the processor, for one call
constexpr int64_t kMemory = int64_t{4} << 30;  // of tensors
constexpr size_t kBasesOfACall = 3;            // of real tensors, and as many of complex ones
#if defined(__SANITIZE_ADDRESS__)
constexpr bool kSanitized = true;  // its shadow lies terabytes away: no limit of addresses
#else
constexpr bool kSanitized = false;
#endif

struct Change {
  const char* name;
  IValue (*make)(const IValue&);  // None: does not apply
};

IValue of_numbers(const Tensor& x, double value) { return full_like(x, value); }
IValue floats_only(const Tensor& x, double value) {
  return x.is_floating_point() ? of_numbers(x, value) : IValue();
}
IValue integers_only(const Tensor& x, int64_t value) {
  return x.scalar_type() == kLong || x.scalar_type() == kInt ? IValue(full_like(x, value))
                                                             : IValue();
}

const Change kTensorChanges[] = {
    {"undefined", [](const IValue&) { return IValue::list(); }},  // see changed()
    {"empty", [](const IValue& v) -> IValue { return v.toTensor().new_empty({0}); }},
    {"no dimensions", [](const IValue& v) -> IValue { return v.toTensor().new_ones({}); }},
    {"last dimension 0",
     [](const IValue& v) -> IValue {
       const Tensor& x = v.toTensor();
       return x.dim() > 0 ? IValue(x.slice(-1, 0, 0)) : IValue();
     }},
    {"first dimension 0",
     [](const IValue& v) -> IValue {
       const Tensor& x = v.toTensor();
       return x.dim() > 0 ? IValue(x.slice(0, 0, 0)) : IValue();
     }},
    {"shortened",
     [](const IValue& v) -> IValue {
       const Tensor& x = v.toTensor();
       return x.dim() > 0 ? IValue(x.slice(-1, 0, -1)) : IValue();
     }},
    {"one more dimension", [](const IValue& v) -> IValue { return v.toTensor().unsqueeze(0); }},
    {"twelve dimensions",
     [](const IValue& v) -> IValue {
       Tensor x = v.toTensor();
       while (x.dim() < 12) x = x.unsqueeze(-1);
       return x;
     }},
    {"expanded",
     [](const IValue& v) -> IValue {
       return v.toTensor().new_ones({1}).expand({5, 3});
     }},
    {"NaN", [](const IValue& v) { return floats_only(v.toTensor(), NAN); }},
    {"infinity", [](const IValue& v) { return floats_only(v.toTensor(), INFINITY); }},
    {"-infinity", [](const IValue& v) { return floats_only(v.toTensor(), -INFINITY); }},
    {"-1e30", [](const IValue& v) { return floats_only(v.toTensor(), -1e30); }},
    {"-12345.5", [](const IValue& v) { return floats_only(v.toTensor(), -12345.5); }},
    {"zeros", [](const IValue& v) { return of_numbers(v.toTensor(), 0); }},
    {"int64", [](const IValue& v) -> IValue { return v.toTensor().detach().to(kLong); }},
    {"uint8", [](const IValue& v) -> IValue { return v.toTensor().detach().to(kByte); }},
    {"bool", [](const IValue& v) -> IValue { return v.toTensor().detach().to(kBool); }},
    {"float16", [](const IValue& v) -> IValue { return v.toTensor().detach().to(kHalf); }},
    {"float64", [](const IValue& v) -> IValue { return v.toTensor().detach().to(kDouble); }},
    {"complex64",
     [](const IValue& v) -> IValue { return v.toTensor().detach().to(kComplexFloat); }},
    {"complex128",
     [](const IValue& v) -> IValue { return v.toTensor().detach().to(kComplexDouble); }},
    {"indices -1", [](const IValue& v) { return integers_only(v.toTensor(), -1); }},
    {"indices 1000000", [](const IValue& v) { return integers_only(v.toTensor(), 1000000); }},
    {"indices of 2^63 - 1", [](const IValue& v) { return integers_only(v.toTensor(), INT64_MAX); }},
    {"indices of -2^63", [](const IValue& v) { return integers_only(v.toTensor(), INT64_MIN); }},
};

const int64_t kIntegers[] = {0, -1, 1, 1000, int64_t{1} << 31, INT64_MAX, INT64_MIN};
const double kReals[] = {0, -1, NAN, INFINITY, -INFINITY, 1e308, 1e-308};

bool has_complex(const std::vector<IValue>& values) {
  return std::any_of(values.begin(), values.end(), [](const IValue& value) {
    if (value.isList()) return has_complex(value.toListRef());
    return value.isTensor() && value.toTensor().is_complex();
  });
}

/// One argument of one case, or one element of a list, with something else in its place.
struct Call {
  size_t base;
  size_t argument;
  int64_t element;  // of a list; -1: the argument itself
  size_t change;
};

size_t changes_of(const IValue& value) {
  if (value.isTensor()) return std::size(kTensorChanges);
  if (value.isInt()) return std::size(kIntegers);
  if (value.isDouble()) return std::size(kReals);
  if (value.isList()) return 3;
  return value.isBool() || value.isString();
}

std::string name_of(const IValue& value, size_t change) {
  if (value.isTensor()) return kTensorChanges[change].name;
  if (value.isInt()) return std::to_string(kIntegers[change]);
  if (value.isDouble()) return std::to_string(kReals[change]);
  const char* const names[] = {"empty list", "longer list", "list of one hundred"};
  return value.isList() ? names[change] : "other";
}

/// The value changed, or nothing where the change does not apply.
std::optional<IValue> changed(const IValue& value, size_t change) {
  if (value.isInt()) return IValue(kIntegers[change]);
  if (value.isDouble()) return IValue(kReals[change]);
  if (value.isBool()) return IValue(!value.toBool());
  if (value.isString()) return IValue("nonsense");
  if (value.isTensor()) {
    if (change == 0) return IValue();  // undefined
    IValue made = kTensorChanges[change].make(value);
    return made.isNone() ? std::nullopt : std::optional<IValue>(std::move(made));
  }
  std::vector<IValue> elements = value.toListRef();
  if (elements.empty() && change > 0) return std::nullopt;
  if (change == 0) elements.clear();
  if (change == 1) elements.push_back(elements.back());
  if (change == 2) elements.assign(100, elements.back());
  return IValue::list(std::move(elements));
}

class Soak {
 public:
  Soak(const char* path, size_t limit) {
    CaseFile file(path);
    std::map<std::string, size_t> bases;
    std::vector<Case> last_resort;
    while (std::optional<Case> c = file.next()) {
      const Entry* entry = find_entry(c->call);
      if (!entry || !c->fails.empty()) continue;
      if (bases[c->call + (has_complex(c->arguments) ? " complex" : "")]++ >= kBasesOfACall)
        continue;
      (c->id < 0 && entry->writes ? last_resort : bases_).push_back(std::move(*c));
    }
    derive();
    std::set<std::string> known;
    for (const Case& base : bases_) known.insert(base.call);
    for (Case& c : last_resort) {
      if (known.count(c.call) == 0) bases_.push_back(std::move(c));
    }
    plan();
    if (limit != 0 && limit < calls_.size()) thin(limit);
    void* shared =
        mmap(nullptr, sizeof(Progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) throw BadCase{"no shared memory"};
    progress_ = static_cast<Progress*>(shared);
  }

  /// Runs all calls in children, a new one after each death; returns whether all went well.
  bool run() {
    std::printf("%zu of %zu signatures have samples\n", signatures(), kTableSize);
    size_t failures = 0;
    while (progress_->next < calls_.size()) {
      std::fflush(stdout);
      const pid_t child = fork();
      if (child == 0) work();
      int status = 0;
      if (child < 0 || waitpid(child, &status, 0) != child) throw BadCase{"cannot fork"};
      if (WIFEXITED(status) && WEXITSTATUS(status) == 0) break;
      ++failures;
      const int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
      std::printf("%s: %s\n",
                  signal == SIGPROF ? "HANG"
                  : signal          ? strsignal(signal)
                                    : "EXIT",
                  text(calls_[progress_->next]).c_str());
      ++progress_->next;
    }
    failures += progress_->failed;
    std::printf("%zu calls of %zu signatures: %zu returned, %zu refused, %zu failures\n",
                calls_.size() - progress_->inapplicable - progress_->unfit, signatures(),
                progress_->returned, progress_->refused, failures);
    return failures == 0;
  }

 private:
  struct Progress {
    size_t next, returned, refused, inapplicable, unfit, failed;
  };

  /// The forms that write have no samples of their own: they get those of the plain ones.
  void derive() {
    std::map<std::string, const Case*> plain;
    for (const Case& base : bases_) plain.emplace(base.call, &base);
    std::vector<Case> derived;
    for (size_t i = 0; i < kTableSize; ++i) {
      const std::string signature = kTable[i].signature;
      if (!kTable[i].writes || plain.count(signature) != 0) continue;
      const size_t open = signature.find('(');
      const bool out = signature.substr(0, open).ends_with("_out");
      // add_out(Tensor,Tensor,...) is add(Tensor,...) after a result; add_(...) is add(...).
      const std::string of = signature.substr(0, open - (out ? 4 : 1)) + "(" +
                             signature.substr(open + (out ? sizeof("(Tensor,") - 1 : 1));
      const auto found = plain.find(of);
      if (found == plain.end()) continue;
      Case made = *found->second;
      made.call = signature;
      if (out) made.arguments.insert(made.arguments.begin(), empty({0}));
      derived.push_back(std::move(made));
    }
    for (Case& made : derived) bases_.push_back(std::move(made));
  }

  void plan() {
    for (size_t b = 0; b < bases_.size(); ++b) {
      const std::vector<IValue>& arguments = bases_[b].arguments;
      for (size_t a = 0; a < arguments.size(); ++a) {
        for (size_t i = 0; i < changes_of(arguments[a]); ++i) calls_.push_back({b, a, -1, i});
        if (!arguments[a].isList()) continue;
        const std::vector<IValue>& list = arguments[a].toListRef();
        for (size_t e = 0; e < list.size() && e < 3; ++e) {
          for (size_t i = 0; i < changes_of(list[e]); ++i) {
            calls_.push_back({b, a, static_cast<int64_t>(e), i});
          }
        }
      }
    }
  }

  void thin(size_t limit) {
    std::vector<Call> kept;
    for (size_t i = 0; i < limit; ++i) kept.push_back(calls_[i * calls_.size() / limit]);
    calls_ = std::move(kept);
  }

  size_t signatures() const {
    std::map<std::string_view, int> seen;
    for (const Call& call : calls_) ++seen[bases_[call.base].call];
    return seen.size();
  }

  const IValue& target(const Call& call) const {
    const IValue& argument = bases_[call.base].arguments[call.argument];
    return call.element < 0 ? argument : argument.toListRef()[static_cast<size_t>(call.element)];
  }

  std::string text(const Call& call) const {
    return str(bases_[call.base].call, ", case ", bases_[call.base].id, ", argument ",
               call.argument, call.element < 0 ? "" : str("[", call.element, "]"), ": ",
               name_of(target(call), call.change));
  }

  [[noreturn]] void work() {
    const rlimit memory{kMemory + (rlim_t{1} << 30), kMemory + (rlim_t{1} << 30)}, no_core{0, 0};
    if (!kSanitized) setrlimit(RLIMIT_AS, &memory);
    setrlimit(RLIMIT_CORE, &no_core);
    set_memory_limit(kMemory);
    for (; progress_->next < calls_.size(); ++progress_->next) {
      const itimerval timer{{0, 0}, {kSeconds, 0}};
      setitimer(ITIMER_PROF, &timer, nullptr);
      one(calls_[progress_->next]);
    }
    std::fflush(stdout);
    _exit(0);
  }

  void one(const Call& call) {
    const LiveObjects before = live_objects();
    try {
      ++(perform(call) ? progress_->returned : progress_->inapplicable);
    } catch (const Error& error) {
      ++progress_->refused;
      if (std::strlen(error.what()) < 12)
        fail("says only \"" + std::string(error.what()) + "\"", call);
    } catch (const BadCase&) {
      ++progress_->unfit;
    } catch (const std::exception& error) {
      fail(error.what(), call);
    }
    const LiveObjects after = live_objects();
    if (after.storages != before.storages || after.nodes != before.nodes) {
      fail(str("LEAK of ", after.storages - before.storages, " storages and ",
               after.nodes - before.nodes, " nodes"),
           call);
    }
  }

  void fail(const std::string& what, const Call& call) {
    ++progress_->failed;
    std::printf("%s: %s\n", what.c_str(), text(call).c_str());
    std::fflush(stdout);
  }

  /// False where the change does not apply.
  bool perform(const Call& call) {
    const Case& base = bases_[call.base];
    const Entry& entry = *find_entry(base.call);
    std::optional<IValue> value = changed(target(call), call.change);
    if (!value) return false;
    std::vector<IValue> arguments = base.arguments;
    IValue& place = arguments[call.argument];
    (call.element < 0 ? place : place.toListRef()[static_cast<size_t>(call.element)]) =
        std::move(*value);
    for (IValue& argument : arguments) isolate(argument, entry.writes);
    Arguments boxed(std::move(arguments));
    const std::vector<Tensor> outputs = entry.call(boxed);
    if (!entry.writes) back(outputs);
    return true;
  }

  // A tensor of its own, as an op may write to it, that wants its gradient where it can.
  static void isolate(IValue& value, bool writes) {
    if (value.isList()) {
      for (IValue& each : value.toListRef()) isolate(each, writes);
    }
    if (!value.isTensor()) return;
    Tensor copy = value.toTensor().detach();
    if (copy.numel() <= 100000) copy = copy.clone();
    if (copy.is_floating_point() && !writes) copy.set_requires_grad(true);
    value = copy;
  }

  static void back(const std::vector<Tensor>& outputs) {
    for (const Tensor& output : outputs) {
      if (output.defined() && output.requires_grad()) {
        output.backward(ones_like(output), true);
        return;
      }
    }
  }

  std::vector<Case> bases_;
  std::vector<Call> calls_;
  Progress* progress_ = nullptr;
};

}  // namespace
}  // namespace taper::oracle

int main(int argc, char** argv) {
  if (argc != 2 && argc != 3) {
    std::fprintf(stderr, "usage: taper_soak CASES [CALLS]\n");
    return 2;
  }
  try {
    taper::set_warning_handler([](std::string_view) {});
    const size_t limit = argc == 3 ? std::strtoul(argv[2], nullptr, 10) : 0;
    return taper::oracle::Soak(argv[1], limit).run() ? 0 : 1;
  } catch (const taper::oracle::BadCase& bad) {
    std::fprintf(stderr, "%s\n", bad.text.c_str());
    return 2;
  }
}
