#include "taper/train/checkpoint.h"

#include <algorithm>

#include "taper/base/error.h"
#include "taper/base/file.h"
#include "taper/base/folder.h"
#include "taper/base/version.h"
#include "taper/io/checksum.h"
#include "taper/io/json_text.h"
#include "taper/train/state_json.h"
#include "taper/train/state_util.h"

// state.json is one object in two parts: the first line has the checksum of all that follows it.
namespace taper::train {
namespace {

constexpr const char* kStateFile = "state.json";
constexpr std::string_view kHead = "{\"taper_checkpoint\": 1, \"xxh3\": \"";
constexpr std::string_view kHeadEnd = "\",\n";
constexpr size_t kDigits = 16;
constexpr uint64_t kLargestState = uint64_t{1} << 28;

struct FileEntry {
  std::string name;
  int64_t size = 0;
  std::string checksum;
};

[[noreturn]] void fail_damaged(const std::string& path, const std::string& what) {
  detail::fail<IoError>("checkpoint file ", quote_path(path), ": damaged: ", what);
}

std::string files_json(const std::string& folder, const StateTensors& tensors) {
  std::string text = "{";
  for (const auto& [name, named] : tensors) {
    if (text.size() > 1) text += ", ";
    const InputFile file(folder + '/' + name);
    io::append_json_string(text, name);
    text += str(": [", file.size(), ", \"", io::checksum(file), "\"]");
  }
  return text + "}";
}

void write_files(const std::string& folder, const IValue& state) {
  StateTensors tensors;
  const std::string states = write_state_json(state, tensors);
  for (const auto& [name, named] : tensors) io::save_safetensors(folder + '/' + name, named);
  const std::string body =
      str("\"version\": \"", version(), "\",\n\"files\": ", files_json(folder, tensors),
          ",\n\"state\": ", states, "}\n");
  AtomicFile file(folder + '/' + kStateFile);
  const std::string head = str(kHead, io::checksum(body.data(), body.size()), kHeadEnd);
  file.write(head.data(), head.size());
  file.write(body.data(), body.size());
  file.commit();
}

// The text of state.json, whose checksum is right.
std::string read_text(const std::string& path) {
  const ByteBuffer bytes = read_file(path, kLargestState);
  std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const size_t body = kHead.size() + kDigits + kHeadEnd.size();
  if (!text.starts_with(kHead) || text.size() < body ||
      text.compare(kHead.size() + kDigits, kHeadEnd.size(), kHeadEnd) != 0) {
    fail_damaged(path, str("its first line, bytes 0 to ", body, ", is not a checkpoint's"));
  }
  const std::string wanted = text.substr(kHead.size(), kDigits);
  const std::string got = io::checksum(text.data() + body, text.size() - body);
  if (wanted != got) {
    fail_damaged(path, str("the XXH3 checksum of bytes ", body, " to ", text.size(), " is ", got,
                           ", expected ", quote_name(wanted)));
  }
  return text;
}

std::vector<FileEntry> entries_of(const std::string& folder, const IValue& tree) {
  const std::string path = folder + '/' + kStateFile;
  const IValue* files = tree.find("files");
  const IValue* state = tree.find("state");
  if (files == nullptr || !files->isGenericDict() || state == nullptr || !state->isGenericDict()) {
    fail_damaged(path, "it has no 'files' or no 'state'");
  }
  std::vector<FileEntry> entries;
  for (const auto& [name, item] : files->toGenericDict()) {
    const bool good = item.isList() && item.size() == 2 && item.toListRef()[0].isInt() &&
                      item.toListRef()[1].isString() &&
                      name.toStringRef().find('/') == std::string::npos;
    if (!good) fail_damaged(path, "its list of files is not one");
    entries.push_back(
        {name.toStringRef(), item.toListRef()[0].toInt(), item.toListRef()[1].toStringRef()});
  }
  return entries;
}

// Throws unless the file is the one that was saved with the state.
void verify_file(const std::string& path, const FileEntry& entry) {
  const InputFile file(path);
  if (file.size() != static_cast<uint64_t>(entry.size)) {
    fail_damaged(path, str("it has ", file.size(), " bytes, expected ", entry.size));
  }
  const std::string got = io::checksum(file);
  if (got == entry.checksum) return;
  io::load_safetensors(file);  // says where, unless it is whole and another checkpoint's
  fail_damaged(path, str("its XXH3 checksum is ", got, ", expected ", quote_name(entry.checksum)));
}

IValue read_tree(const std::string& folder, const StateTensors* tensors) {
  const std::string path = folder + '/' + kStateFile;
  return read_state_json("checkpoint file " + quote_path(path), read_text(path), tensors);
}

}  // namespace

void save_checkpoint(const std::string& folder, const IValue& state) {
  const std::string temporary = temporary_sibling(folder);
  try {
    remove_all(temporary);
    make_folders(temporary);
    write_files(temporary, state);
    replace_folder(temporary, folder);
  } catch (...) {
    try {
      remove_all(temporary);
    } catch (const Error&) {  // NOLINT(bugprone-empty-catch): what is left is swept later
    }
    throw;
  }
}

void verify_checkpoint(const std::string& folder) {
  for (const FileEntry& entry : entries_of(folder, read_tree(folder, nullptr))) {
    verify_file(folder + '/' + entry.name, entry);
  }
}

IValue load_checkpoint(const std::string& folder) {
  StateTensors tensors;
  for (const FileEntry& entry : entries_of(folder, read_tree(folder, nullptr))) {
    verify_file(folder + '/' + entry.name, entry);
    tensors[entry.name] = io::load_safetensors(folder + '/' + entry.name).tensors;
  }
  return read_tree(folder, &tensors).at("state");
}

IValue read_checkpoint_info(const std::string& folder) {
  const IValue tree = read_tree(folder, nullptr);
  entries_of(folder, tree);
  return tree.at("state");
}

}  // namespace taper::train
