#include "taper/io/npy.h"

#include "taper/io/npy_format.h"
#include "taper/io/npz.h"
#include "taper/io/zip.h"

namespace taper::io {
namespace {

constexpr std::string_view kSuffix = ".npy";

}  // namespace

void save_npy(const std::string& path, const Tensor& tensor) {
  ByteBuffer copy;
  const void* data = dense_bytes("save_npy", tensor, copy);
  const std::string header = make_npy_header("save_npy", tensor);
  AtomicFile file(path);
  file.write(header.data(), header.size());
  file.write(data, tensor.nbytes());
  file.commit();
}

Tensor load_npy(const ByteSource& source) {
  uint64_t at = 0;
  const ByteReader read = [&](void* to, size_t count) {
    source.read(at, to, count);
    at += count;
  };
  return read_npy(read, source.size(), str("npy file ", quote_path(source.name())));
}

Tensor load_npy(const std::string& path) { return load_npy(InputFile(path)); }

void save_npz(const std::string& path, const OrderedDict<std::string, Tensor>& tensors,
              bool compressed) {
  for (const auto& item : tensors) {
    const std::string op = "save_npz: tensor " + quote_name(item.key());
    TAPER_CHECK(item.value().defined(), op, " is undefined");
    TAPER_CHECK_AS(IoError, is_member_name(item.key()), op,
                   ": the name is empty, leads out of a folder or is not UTF-8");
    make_npy_header(op.c_str(), item.value());  // refuses before the file is begun
  }
  AtomicFile file(path);
  ZipWriter archive([&](const void* data, size_t size) { file.write(data, size); });
  for (const auto& item : tensors) {
    ByteBuffer copy;
    const void* data = dense_bytes("save_npz", item.value(), copy);
    const std::string header = make_npy_header("save_npz", item.value());
    archive.add(item.key() + std::string(kSuffix),
                {{header.data(), header.size()}, {data, item.value().nbytes()}}, compressed);
  }
  archive.finish();
  file.commit();
}

OrderedDict<std::string, Tensor> load_npz(const ByteSource& source) {
  const ZipReader archive(source, "npz");
  OrderedDict<std::string, Tensor> tensors("Array");
  for (const ZipMember& member : archive.members()) {
    const std::string_view name = member.name;
    const std::string where =
        str("npz file ", quote_path(source.name()), ": member ", quote_name(name));
    if (!name.ends_with(kSuffix) || name.size() == kSuffix.size()) {
      archive.fail("member ", quote_name(name), " is no .npy array");
    }
    ZipStream stream(archive, member);
    Tensor tensor =
        read_npy([&](void* to, size_t count) { stream.read(to, count); }, member.size, where);
    stream.finish();
    tensors.insert(std::string(name.substr(0, name.size() - kSuffix.size())), std::move(tensor));
  }
  return tensors;
}

OrderedDict<std::string, Tensor> load_npz(const std::string& path) {
  return load_npz(InputFile(path));
}

}  // namespace taper::io
