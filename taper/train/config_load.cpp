#include <algorithm>
#include <filesystem>
#include <unordered_map>

#include "taper/base/file.h"
#include "taper/train/config_node.h"

namespace taper::train {
namespace {

constexpr uint64_t kMostBytes = uint64_t{1} << 20;
/// "extends" may ask for the same file again and again.
constexpr size_t kMostFiles = 64;

ConfigNodePtr parse_text(std::string_view text, const std::string& name, Config::Format format) {
  ConfigSource source;
  source.name = std::make_shared<const std::string>(name);
  source.line = source.column = 1;
  return format == Config::Format::toml ? parse_toml(text, source) : parse_json(text, source);
}

/// A file's name as sources show it: on one line.
std::string shown(const std::string& path) {
  const bool is_plain = std::all_of(path.begin(), path.end(), [](char c) {
    return static_cast<unsigned char>(c) >= 0x20 && c != '\x7f';
  });
  return is_plain ? path : quote_path(path);
}

Config::Format format_of(const std::string& path) {
  const std::string extension = std::filesystem::path(path).extension().string();
  TAPER_CHECK_AS(ConfigError, extension == ".json" || extension == ".toml", shown(path),
                 ": expected a name that ends in .json or .toml");
  return extension == ".toml" ? Config::Format::toml : Config::Format::json;
}

ConfigNodePtr read_config(const std::string& path) {
  const Config::Format format = format_of(path);
  const ByteBuffer bytes = read_file(path, kMostBytes);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  ConfigNodePtr root = parse_text(text, shown(path), format);
  const Config config = ConfigAccess::make(root);
  if (!config.is_object()) config.fail(str("expected an object, got ", describe(config)));
  return root;
}

class Loader {
 public:
  ConfigNodePtr load(const std::string& path) {
    const std::string identity = std::filesystem::weakly_canonical(path).string();
    TAPER_CHECK_AS(ConfigError, std::find(open_.begin(), open_.end(), identity) == open_.end(),
                   shown(path), " extends itself");
    TAPER_CHECK_AS(ConfigError, ++files_ <= kMostFiles, "expected at most ", kMostFiles, " files");
    open_.push_back(identity);
    const ConfigNodePtr root = read_config(path);
    ConfigNodePtr result;
    for (const Config& base : bases_of(ConfigAccess::make(root))) {
      const ConfigNodePtr loaded = load_base(path, base);
      result = result ? merge(result, loaded) : loaded;
    }
    open_.pop_back();
    ConfigNodePtr own = without(without(root, "extends"), "$schema");
    return result ? merge(result, own) : own;
  }

 private:
  static std::vector<Config> bases_of(const Config& root) {
    const std::optional<Config> extends = root.find("extends");
    if (!extends) return {};
    if (extends->is_text()) return {*extends};
    if (!extends->is_list()) {
      extends->fail(str("expected a file or a list of files, got ", describe(*extends)));
    }
    std::vector<Config> bases;
    for (size_t i = 0; i < extends->size(); ++i) bases.push_back(extends->at(i));
    return bases;
  }

  ConfigNodePtr load_base(const std::string& path, const Config& base) {
    const std::filesystem::path folder = std::filesystem::path(path).parent_path();
    try {
      return load((folder / base.to_text()).string());
    } catch (const ConfigValueError&) {
      throw;
    } catch (const OutOfMemoryError&) {
      throw;
    } catch (const Error& error) {
      base.fail(error.what());
    } catch (const std::filesystem::filesystem_error& error) {
      base.fail(error.code().message());
    }
  }

  std::vector<std::string> open_;
  size_t files_ = 0;
};

ConfigNodePtr mark_preset(const ConfigNodePtr& node,
                          const std::shared_ptr<const std::string>& preset) {
  auto marked = std::make_shared<ConfigNode>(*node);
  marked->source.preset = preset;
  for (auto& item : marked->items) item.second = mark_preset(item.second, preset);
  return marked;
}

ConfigNodePtr with_preset(const ConfigNodePtr& root, const std::string& name) {
  const Config config = ConfigAccess::make(root);
  const std::optional<Config> presets = config.find("presets");
  if (presets && !presets->is_object()) {
    presets->fail(str("expected an object, got ", describe(*presets)));
  }
  ConfigNodePtr own = without(root, "presets");
  if (name.empty()) return own;
  if (!presets) config.fail(str("presets: no preset ", quote_text(name), ", there are none"));
  const std::optional<Config> preset = presets->find(name);
  if (!preset)
    presets->fail(str("no preset ", quote_text(name), suggestion(name, presets->keys())));
  if (!preset->is_object()) preset->fail(str("expected an object, got ", describe(*preset)));
  return merge(own,
               mark_preset(ConfigAccess::node(*preset), std::make_shared<const std::string>(name)));
}

}  // namespace

ConfigNodePtr without(const ConfigNodePtr& object, std::string_view key) {
  auto result = std::make_shared<ConfigNode>(*object);
  std::erase_if(result->items, [&](const auto& item) { return item.first == key; });
  return result;
}

ConfigNodePtr merge(const ConfigNodePtr& base, const ConfigNodePtr& over) {
  if (base->kind != Config::Kind::object || over->kind != Config::Kind::object) return over;
  const auto *old_type = base->find("type"), *new_type = over->find("type");
  const bool is_other = old_type && new_type && (*old_type)->text != (*new_type)->text;
  auto result = std::make_shared<ConfigNode>(*(is_other ? without(base, "args") : base));
  result->source = over->source;
  result->items.reserve(base->items.size() + over->items.size());  // the names below stay put
  std::unordered_map<std::string_view, size_t> places;
  for (size_t i = 0; i < result->items.size(); ++i) places.emplace(result->items[i].first, i);
  for (const auto& [key, value] : over->items) {
    const auto place = places.find(key);
    if (place == places.end()) {
      result->items.emplace_back(key, value);
    } else {
      ConfigNodePtr& old = result->items[place->second].second;
      old = merge(old, value);
    }
  }
  return result;
}

Config Config::parse(std::string_view text, const std::string& name, Format format) {
  return Config(parse_text(text, shown(name), format));
}

Config Config::load(const std::string& path, const ConfigLoad& options) {
  ConfigNodePtr root;
  try {
    root = with_preset(Loader().load(path), options.preset);
  } catch (const IoError& error) {
    throw ConfigError(error.what());
  } catch (const std::filesystem::filesystem_error& error) {
    throw ConfigError(str(shown(path), ": ", error.code().message()));
  }
  return Config(root).overridden(options.overrides);
}

}  // namespace taper::train
