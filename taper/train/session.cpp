#include "taper/train/session.h"

#include <algorithm>

#include "taper/base/error.h"
#include "taper/base/parallel.h"
#include "taper/tensor/generator.h"
#include "taper/train/config_node.h"
#include "taper/train/summary.h"

namespace taper::train {
namespace {

int64_t ceil_divide(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Schedules that end with the run count these steps.
RunLength length_of(const Session& session) {
  const TrainerOptions& o = session.options;
  RunLength length{o.epochs, 0};
  if (std::optional<int64_t> batches = session.train->batches()) {
    if (o.limit_train_batches > 0) batches = std::min(*batches, o.limit_train_batches);
    length.steps_per_epoch = ceil_divide(*batches, o.accumulate);
  }
  if (o.epochs == 0 && o.max_steps > 0 && length.steps_per_epoch > 0) {
    length.epochs = ceil_divide(o.max_steps, length.steps_per_epoch);
  }
  return length;
}

std::vector<std::string> metric_names(const Session& session) {
  std::vector<std::string> names;
  for (const char* part : {"train_", "valid_"}) {
    if (part[0] == 'v' && session.valid == nullptr) break;
    names.push_back(std::string(part) + "loss");
    for (const auto& metric : session.parts.metrics) names.push_back(part + metric->name());
  }
  return names;
}

// A name that nothing gives would be found out after an epoch.
void check_monitored(const Session& session, const Config& name) {
  const std::vector<std::string> known = metric_names(session);
  const std::string& wanted = name.to_text();
  if (std::find(known.begin(), known.end(), wanted) == known.end()) {
    name.fail("no metric " + quote_text(wanted) + suggestion(wanted, known));
  }
}

void check_monitors(Session& session) {
  const Config monitor = session.resolved.get("trainer.monitor");
  if (session.valid == nullptr && monitor.source() == "default") {
    session.options.monitor = "train_loss";
  } else {
    check_monitored(session, monitor);
  }
  if (session.parts.schedule.scheduler != nullptr && session.parts.schedule.needs_metric()) {
    check_monitored(session, session.resolved.get("scheduler.args.monitor"));
  }
  for (const Config& callback : session.config.callbacks) {
    if (callback.at("type").to_text() == "EarlyStop") {
      check_monitored(session, callback.get("args.monitor"));
    }
  }
}

template <class T>
std::shared_ptr<T> needed(std::shared_ptr<T> made, const Config& config, const char* what) {
  if (made == nullptr) config.fail(str("gave no ", what));
  return made;
}

}  // namespace

std::string Session::summary() const { return train::summary(parts.model, data->example()).text(); }

Session make_model_session(const Project& project, const Config& given) {
  ProjectConfig config(project);
  Config resolved = read_project_config(given, config);
  Session session{std::move(config), std::move(resolved), {}, {}, {}, {}, {}};
  const ProjectConfig& c = session.config;
  session.options = c.trainer.made();
  if (c.threads > 0) set_num_threads(static_cast<int>(c.threads));
  manual_seed(static_cast<uint64_t>(c.seed));
  session.data = needed(project.data.make(c.data), c.data, "data");
  session.parts.model = project.models.make(c.arch, *session.data);
  session.parts.loss = project.losses.make(c.loss);
  session.parts.forward = project.forward;
  for (const Config& metric : c.metrics) {
    session.parts.metrics.push_back(
        needed(project.metrics.make(metric, *session.data), metric, "metric"));
  }
  return session;
}

Session make_session(const Project& project, const Config& given) {
  Session session = make_model_session(project, given);
  const ProjectConfig& c = session.config;
  session.train = needed(session.data->train(), c.data, "training batches");
  session.valid = session.data->valid();
  session.parts.optimizer =
      project.optimizers.make(c.optimizer, session.parts.model.ptr()->named_parameters());
  if (!c.scheduler.is_null()) {
    session.parts.schedule =
        project.schedulers.make(c.scheduler, *session.parts.optimizer, length_of(session));
  }
  for (const Config& callback : c.callbacks) {
    session.parts.callbacks.push_back(
        needed(project.callbacks.make(callback, *session.data), callback, "callback"));
  }
  check_monitors(session);
  return session;
}

void load_model(nn::AnyModule& model, const std::string& checkpoint) {
  const IValue state = load_checkpoint(checkpoint);
  const IValue* averages = state.find("ema");
  model.ptr()->load_state_dict(nn::StateDict(averages != nullptr ? *averages : state.at("model")));
}

}  // namespace taper::train
