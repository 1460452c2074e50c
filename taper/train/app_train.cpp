#include <fmt/format.h>

#include "taper/base/error.h"
#include "taper/base/file.h"
#include "taper/base/folder.h"
#include "taper/train/app_verbs.h"
#include "taper/train/environment.h"
#include "taper/train/log.h"
#include "taper/train/page.h"
#include "taper/train/run_records.h"

namespace taper::train {
namespace {

// A new run folder, which goes again, with what it changed, unless it is kept.
class NewRun {
 public:
  NewRun(const std::string& runs, const std::string& name)
      : runs_existed_(is_folder(runs)),
        runs_(runs),
        parent_(runs + "/" + name),
        parent_existed_(is_folder(parent_)),
        latest_(link_target(parent_ + "/latest")),
        folder_(RunFolder::create(runs, name)) {}
  ~NewRun() {
    if (kept_) return;
    try {
      remove();
    } catch (const Error& error) {
      print_error("taper", error.what());
    }
  }
  NewRun(const NewRun&) = delete;
  NewRun& operator=(const NewRun&) = delete;

  const RunFolder& folder() const { return folder_; }
  void keep() { kept_ = true; }

 private:
  void remove() {
    remove_all(folder_.path());
    if (latest_.empty()) {
      remove_all(parent_ + "/latest");
    } else {
      replace_link(parent_ + "/latest", latest_);
    }
    if (!parent_existed_) remove_all(parent_);
    if (!runs_existed_) remove_all(runs_);
  }

  bool runs_existed_;
  std::string runs_, parent_;
  bool parent_existed_;
  std::string latest_;
  RunFolder folder_;
  bool kept_ = false;
};

// To the console as it is, to the run's log with its time.
void say(Log& log, const std::string& text) {
  print(text + '\n');
  log.info(text);
}

int code_of(StopReason reason) {
  if (reason == StopReason::kInterrupted) return kInterrupted;
  return reason == StopReason::kDiverged ? kFailed : kDone;
}

std::string account_of(const FitResult& result, const std::string& monitor) {
  std::string text = fmt::format("{} after {} epochs, {} steps, {:.1f} s", to_string(result.reason),
                                 result.epochs, result.steps, result.seconds);
  if (!result.message.empty()) text += ": " + result.message;
  if (result.best) {
    text += fmt::format("\nbest {} {:.6g} at step {}", monitor, *result.best, result.best_step);
  }
  return text;
}

// How a run is taken up again.
struct Resume {
  FindCheckpointOptions find;
  std::vector<std::string> overrides;
};

// The run has another config from now on.
void note_overrides(const RunFolder& folder, const Config& resolved,
                    const std::vector<std::string>& overrides) {
  if (overrides.empty()) return;
  LineFile file(folder.overrides(), /*append=*/true);
  for (const std::string& one : overrides) file.write_line(one);
  folder.write_config(resolved.dump() + "\n");
}

// Changes the folder of a run when everything else is ready: a run that is refused leaves it alone.
struct Opening final : Callback {
  explicit Opening(Function<void()> open) : open(std::move(open)) {}
  void on_fit_start(const TrainerState&, TrainerControl&) override { open(); }
  Function<void()> open;
};

std::shared_ptr<RunRecords> records_of(const Session& session) {
  const TrainerConfig& trainer = session.config.trainer;
  return std::make_shared<RunRecords>(
      session.data, RecordsOptions{trainer.csv, trainer.tensorboard,
                                   trainer.histograms_every_epochs, session.options.log_every});
}

// The profile of a training that has one, for its folder or else for the console.
class TrainingProfile {
 public:
  explicit TrainingProfile(Session& session)
      : profile_(session.config.trainer.profilers.make(session.config.trainer.profiler)) {
    if (profile_ != nullptr) session.parts.callbacks.push_back(profile_);
  }

  void show() const {
    if (profile_ != nullptr) print(profile_->profiler().key_averages().table());
  }
  void write(const RunFolder& folder, Log& log) const {
    if (profile_ == nullptr) return;
    const std::string table = profile_->profiler().key_averages().table();
    const std::string path = folder.unused("profile", ".txt");
    write_file(path, table.data(), table.size());
    say(log, "profile " + path);
    if (!profile_->profiler().options().trace) return;
    const std::string trace = folder.unused("trace", ".json");
    profile_->profiler().export_chrome_trace(trace);
    say(log, "trace " + trace + ", for https://ui.perfetto.dev or chrome://tracing");
  }

 private:
  std::shared_ptr<ProfileTraining> profile_;
};

int train_into(Session& session, const RunFolder& folder, const std::string& summary,
               const Resume* resume) {
  LogOptions log_options;
  log_options.output = -1;
  Log log(folder.log(), log_options);
  session.options.checkpoint.folder = folder.checkpoints();
  const auto records = records_of(session);
  std::optional<int64_t> step;
  session.parts.callbacks.push_back(records);
  session.parts.callbacks.push_back(std::make_shared<Opening>([&] {
    if (resume != nullptr) note_overrides(folder, session.resolved, resume->overrides);
    records->open(folder, session.resolved, summary, step);
    folder.write_environment(capture_environment(static_cast<uint64_t>(session.config.seed)));
    log.debug(summary);
  }));
  const TrainingProfile profile(session);
  Trainer trainer(session.parts, session.options);
  if (resume != nullptr) {
    trainer.resume(folder.checkpoints(), resume->find);
    step = trainer.state().step;
    say(log, fmt::format("going on with {} after step {}", folder.path(), *step));
  } else {
    say(log, "run folder " + folder.path());
  }
  try {
    const FitResult result = trainer.fit(session.train, session.valid);
    say(log, account_of(result, session.options.monitor));
    profile.write(folder, log);
    draw_run(folder);
    say(log, "report " + folder / "report.html");
    if (result.reason == StopReason::kInterrupted) {
      say(log, "saved; go on with: resume " + folder.path());
    }
    return code_of(result.reason);
  } catch (const std::exception& error) {
    log.write(LogLevel::kError, error.what());
    // A wrong config may leave no folder.
    const bool is_kept = dynamic_cast<const ConfigError*>(&error) == nullptr;
    try {
      if (is_kept && trainer.state().step > step.value_or(0)) profile.write(folder, log);
    } catch (const std::exception&) {  // the first error is the one to tell
    }
    throw;
  }
}

int train_without_traces(Session& session) {
  const TrainingProfile profile(session);
  Trainer trainer(session.parts, session.options);
  const FitResult result = trainer.fit(session.train, session.valid);
  print(account_of(result, session.options.monitor) + "\n");
  profile.show();
  return code_of(result.reason);
}

}  // namespace

int train_verb(const Project& project, const CommandLine& line) {
  Session session = make_session(project, load_config(line));
  const std::string summary = session.summary();
  print(summary + "\n");
  if (session.is_debugging()) return train_without_traces(session);
  // Finds what is wrong with the options before there is a folder.
  { const Trainer checks(session.parts, session.options); }
  NewRun run(session.config.runs, session.config.name);
  run.folder().write_config(session.resolved.dump() + "\n");
  run.folder().write_overrides(line.words());
  try {
    const int code = train_into(session, run.folder(), summary, nullptr);
    run.keep();
    return code;
  } catch (const ConfigError&) {
    // What is wrong with a config shows in the first steps at the latest.
    if (has_checkpoint(run.folder().checkpoints())) run.keep();
    throw;
  } catch (...) {
    run.keep();
    throw;
  }
}

int resume_verb(const Project& project, const CommandLine& line) {
  const RunFolder folder = open_run(line.words()[0]);
  Resume resume;
  resume.find.allow_older = line.has("older");
  resume.overrides.assign(line.words().begin() + 1, line.words().end());
  ConfigLoad load;
  load.overrides = resume.overrides;
  Session session = make_session(project, Config::load(folder.config(), load));
  TAPER_CHECK_AS(ConfigError, !session.is_debugging(),
                 "resume: trainer.fast_dev_run and trainer.overfit_batches keep nothing that a "
                 "run could go on from");
  return train_into(session, folder, session.summary(), &resume);
}

}  // namespace taper::train
