#include <algorithm>
#include <charconv>

#include "taper/io/json_text.h"
#include "taper/train/config_node.h"

// Configs as text: JSON, lists of sources, and what messages quote.
namespace taper::train {
namespace {

constexpr size_t kQuotedBytes = 60;
constexpr size_t kNamesListed = 20;

std::string json_of(std::string_view text) {
  std::string json;
  io::append_json_string(json, text);
  return json;
}

std::string number_text(double value) {
  char buffer[32];
  std::string text(buffer, std::to_chars(buffer, buffer + sizeof(buffer), value).ptr);
  // A whole one stays a number that is not counted.
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

std::string scalar_text(const ConfigNode& node) {
  switch (node.kind) {
    case Config::Kind::boolean:
      return node.boolean ? "true" : "false";
    case Config::Kind::integer:
      return str(node.integer);
    case Config::Kind::number:
      return number_text(node.number);
    case Config::Kind::text:
      return json_of(node.text);
    default:
      return "null";
  }
}

// Plain values, and lists of them.
bool is_leaf(const ConfigNode& node) {
  if (node.kind == Config::Kind::object) return node.items.empty();
  return std::all_of(node.items.begin(), node.items.end(), [](const auto& item) {
    return item.second->kind != Config::Kind::list && item.second->kind != Config::Kind::object;
  });
}

class Writer {
 public:
  Writer(std::string& out, int indent) : out_(out), indent_(indent) {}

  void write(const ConfigNode& node, int depth) {
    const bool is_list = node.kind == Config::Kind::list;
    if (!is_list && node.kind != Config::Kind::object) {
      out_ += scalar_text(node);
      return;
    }
    const bool breaks = indent_ > 0 && !is_leaf(node);
    out_ += is_list ? '[' : '{';
    for (size_t i = 0; i < node.items.size(); ++i) {
      if (i != 0) out_ += breaks ? "," : ", ";
      if (breaks) new_line(depth + 1);
      if (!is_list) {
        io::append_json_string(out_, node.items[i].first);
        out_ += ": ";
      }
      write(*node.items[i].second, depth + 1);
    }
    if (breaks) new_line(depth);
    out_ += is_list ? ']' : '}';
  }

 private:
  void new_line(int depth) {
    out_ += '\n';
    out_.append(static_cast<size_t>(depth) * static_cast<size_t>(indent_), ' ');
  }

  std::string& out_;
  int indent_;
};

void write_sources(std::string& out, const ConfigNode& node, const std::string& path) {
  if (is_leaf(node)) {
    out += path + " = ";
    Writer(out, 0).write(node, 0);
    out += "  # " + text_of(node.source) + '\n';
    return;
  }
  for (size_t i = 0; i < node.items.size(); ++i) {
    const auto& [key, value] = node.items[i];
    const bool is_list = node.kind == Config::Kind::list;
    write_sources(out, *value, child_path(path, is_list ? str(i) : key));
  }
}

bool same(const ConfigNode& a, const ConfigNode& b) {
  if (a.kind != b.kind || a.items.size() != b.items.size()) return false;
  if (a.items.empty()) return scalar_text(a) == scalar_text(b);
  return std::equal(a.items.begin(), a.items.end(), b.items.begin(),
                    [](const auto& x, const auto& y) {
                      return x.first == y.first && same(*x.second, *y.second);
                    });
}

// Insertions, deletions, changes and swaps of neighbours that turn one word into the other.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1), last(b.size() + 1), now(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    now[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t change = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      now[j] = std::min({last[j] + 1, now[j - 1] + 1, change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        now[j] = std::min(now[j], before[j - 2] + 1);
      }
    }
    before.swap(last);
    last.swap(now);
  }
  return last[b.size()];
}

// Case and underscores are what people get wrong most.
std::string folded(std::string_view text) {
  std::string folded;
  for (const char c : text) {
    if (c != '_' && c != '-') folded += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  }
  return folded;
}

}  // namespace

std::string Config::dump(int indent) const {
  std::string out;
  Writer(out, indent).write(*node_, 0);
  return out;
}

std::string Config::dump_sources() const {
  std::string out;
  write_sources(out, *node_, path_);
  return out;
}

bool operator==(const Config& a, const Config& b) { return same(*a.node_, *b.node_); }

void append_key(std::string& path, std::string_view key) {
  const bool is_plain = !key.empty() && std::none_of(key.begin(), key.end(), [](char c) {
    return c == '.' || c == '"' || c == '=' || c == ':' || c == '\x7f' ||
           static_cast<unsigned char>(c) <= ' ';
  });
  if (!path.empty()) path += '.';
  if (is_plain) {
    path += key;
  } else {
    io::append_json_string(path, key);
  }
}

std::string child_path(std::string path, std::string_view key) {
  append_key(path, key);
  return path;
}

std::string quote_text(std::string_view text) {
  if (text.size() <= kQuotedBytes) return json_of(text);
  size_t end = 0;
  while (end < kQuotedBytes) end += std::max<size_t>(1, io::utf8_length(text.substr(end)));
  return json_of(text.substr(0, end)) + "...";
}

std::string describe(const Config& config) {
  switch (config.kind()) {
    case Config::Kind::text:
      return quote_text(config.to_text());
    case Config::Kind::list:
      return config.size() == 0 ? "an empty list" : "a list";
    case Config::Kind::object:
      return "an object";
    default:
      return config.dump(0);
  }
}

std::string suggestion(std::string_view wrong, const std::vector<std::string>& names) {
  constexpr size_t kLongest = 64;
  const std::string from = folded(wrong.substr(0, kLongest));
  const std::string* nearest = nullptr;
  size_t least = from.size() / 3 + 2;
  for (const std::string& name : names) {
    if (name.size() > kLongest) continue;
    const size_t distance = edit_distance(from, folded(name));
    // Of a short word something has to be left.
    if (distance < least && distance < std::min(from.size(), name.size())) {
      least = distance;
      nearest = &name;
    }
  }
  if (nearest != nullptr) return str(", did you mean ", quote_text(*nearest), '?');
  std::string known;
  for (size_t i = 0; i < std::min(names.size(), kNamesListed); ++i) {
    known += str(i == 0 ? "" : ", ", quote_text(names[i]));
  }
  if (names.size() > kNamesListed) known += ", ...";
  return known.empty() ? "" : ", known are: " + known;
}

}  // namespace taper::train
