#include "taper/io/torch_file.h"

#include <istream>
#include <ostream>

#include "taper/base/error.h"
#include "taper/io/pickle.h"
#include "taper/io/zip.h"

namespace taper::io {
namespace {

constexpr std::string_view kPickle = "data.pkl";
// PyTorch writes its archives under the file's name or this one, and reads any.
constexpr const char* kPrefix = "archive/";
constexpr const char* kVersion = "3\n";
constexpr size_t kAlignment = 64;
constexpr const char* kNativeOrder = std::endian::native == std::endian::little ? "little" : "big";

struct Archive {
  const ZipReader& zip;
  std::string prefix;
  bool other_order = false;
};

std::string read_text(const ZipReader& zip, const ZipMember& member) {
  std::string text(static_cast<size_t>(member.size), '\0');
  zip.read(member, text.data());
  return text;
}

// What torch.save() wrote before PyTorch 1.6 starts with a pickled number, or is a tar file.
void check_format(const ByteSource& source) {
  constexpr std::string_view kLegacy("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19",
                                     14);
  constexpr size_t kTarMagicAt = 257;
  char start[kTarMagicAt + 5] = {};
  const size_t size = static_cast<size_t>(std::min<uint64_t>(source.size(), sizeof(start)));
  source.read(0, start, size);
  const bool is_tar = std::string_view(start + kTarMagicAt, 5) == "ustar";
  if (!is_tar && std::string_view(start, kLegacy.size()) != kLegacy) return;
  detail::fail<IoError>("torch file ", quote_path(source.name()), ": it is in the ",
                        is_tar ? "tar" : "legacy",
                        " format of torch.save() before PyTorch 1.6, expected a zip file; load it "
                        "in Python and save it again");
}

Archive open_archive(const ZipReader& zip) {
  const ZipMember* pickled = nullptr;
  for (const ZipMember& member : zip.members()) {
    const size_t slash = member.name.find('/');
    if (slash == std::string::npos || member.name.substr(slash + 1) != kPickle) continue;
    if (pickled != nullptr) zip.fail("two members are named data.pkl");
    pickled = &member;
  }
  if (pickled == nullptr) zip.fail("no file of torch.save(): it has no member data.pkl");
  Archive archive{zip, pickled->name.substr(0, pickled->name.size() - kPickle.size())};
  if (zip.find(archive.prefix + "constants.pkl") != nullptr) {
    zip.fail(
        "it is a TorchScript archive, expected what torch.save() writes; save its state_dict()");
  }
  if (const ZipMember* order = zip.find(archive.prefix + "byteorder")) {
    const std::string text = order->size < 16 ? read_text(zip, *order) : std::string();
    if (text != "little" && text != "big") {
      zip.fail("byteorder is ", quote_name(text), ", expected little or big");
    }
    archive.other_order = text != kNativeOrder;
  }
  return archive;
}

StoragePtr load_storage(const Archive& archive, std::string_view key, ScalarType dtype,
                        uint64_t count) {
  const std::string name = str(archive.prefix, "data/", key);
  const ZipMember* member = archive.zip.find(name);
  if (member == nullptr) archive.zip.fail("the storage ", quote_name(name), " is missing");
  const uint64_t item =
      dtype == ScalarType::Undefined ? 1 : static_cast<uint64_t>(elementSize(dtype));
  if (count != member->size / item || member->size % item != 0) {
    archive.zip.fail("the storage ", quote_name(name), " has ", member->size, " bytes, expected ",
                     count, " elements of ", item);
  }
  StoragePtr storage = StoragePtr::adopt(StorageImpl::create(static_cast<size_t>(member->size)));
  archive.zip.read(*member, storage->data());
  if (archive.other_order) {
    if (dtype == ScalarType::Undefined) {
      archive.zip.fail("the storage ", quote_name(name),
                       " has the other byte order and no element type");
    }
    // Each part of a complex number by itself.
    reverse_items(storage->data(), storage->nbytes(),
                  static_cast<size_t>(elementSize(toRealValueType(dtype))));
  }
  if (dtype == kBool && find_wrong_bool(storage->data(), storage->nbytes()) != storage->nbytes()) {
    archive.zip.fail("the storage ", quote_name(name), " has a boolean that is neither 0 nor 1");
  }
  return storage;
}

void write_torch(const ByteSink& sink, const IValue& value) {
  std::vector<PickledStorage> storages;
  const std::string text = pickle(value, storages);
  ZipWriter zip(sink);
  auto add = [&](std::string_view name, const void* data, size_t size) {
    zip.add(str(kPrefix, name), {{data, size}}, false, kAlignment);
  };
  add(kPickle, text.data(), text.size());
  add("byteorder", kNativeOrder, std::string_view(kNativeOrder).size());
  for (size_t key = 0; key < storages.size(); ++key) {
    const StorageImpl& storage = *storages[key].storage;
    const size_t item = static_cast<size_t>(elementSize(storages[key].dtype));
    add(str("data/", key), storage.data(), storage.nbytes() / item * item);
  }
  add("version", kVersion, std::string_view(kVersion).size());
  zip.finish();
}

}  // namespace

void save_torch(const std::string& path, const IValue& value) {
  AtomicFile file(path);
  write_torch([&](const void* data, size_t size) { file.write(data, size); }, value);
  file.commit();
}

void save_torch(std::ostream& stream, const IValue& value) {
  write_torch(
      [&](const void* data, size_t size) {
        stream.write(static_cast<const char*>(data), static_cast<std::streamsize>(size));
      },
      value);
  stream.flush();
  TAPER_CHECK_AS(IoError, stream.good(), "save: the stream failed");
}

IValue load_torch(const ByteSource& source, const TorchFileLimits& limits) {
  check_format(source);
  const ZipReader zip(source, "torch");
  const Archive archive = open_archive(zip);
  const std::string text = read_text(zip, *zip.find(archive.prefix + std::string(kPickle)));
  const std::string where = str("torch file ", quote_path(source.name()), ": data.pkl: ");
  return unpickle(
      text,
      [&](std::string_view key, ScalarType dtype, uint64_t count) {
        return load_storage(archive, key, dtype, count);
      },
      where, limits);
}

IValue load_torch(const std::string& path, const TorchFileLimits& limits) {
  return load_torch(InputFile(path), limits);
}

IValue load_torch(std::istream& stream, const TorchFileLimits& limits) {
  std::string bytes;
  constexpr size_t kChunk = 1 << 20;
  while (stream) {
    const size_t size = bytes.size();
    bytes.resize(size + kChunk);
    stream.read(bytes.data() + size, kChunk);
    bytes.resize(size + static_cast<size_t>(stream.gcount()));
  }
  TAPER_CHECK_AS(IoError, !stream.bad(), "load: the stream failed after ", bytes.size(), " bytes");
  return load_torch(MemorySource(bytes.data(), bytes.size(), "<stream>"), limits);
}

}  // namespace taper::io
