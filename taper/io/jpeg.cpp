#include "taper/io/jpeg.h"

#include <turbojpeg.h>

#include <algorithm>

#include "taper/base/error.h"
#include "taper/base/file.h"
#include "taper/io/bytes.h"

namespace taper::io {
namespace {

// A handle of TurboJPEG, whose functions report errors by a return value.
class Jpeg {
 public:
  explicit Jpeg(tjhandle handle) : handle_(handle) {
    TAPER_CHECK_AS(OutOfMemoryError, handle != nullptr, "JPEG: cannot start the codec");
  }
  ~Jpeg() { tjDestroy(handle_); }
  Jpeg(const Jpeg&) = delete;
  Jpeg& operator=(const Jpeg&) = delete;
  operator tjhandle() const { return handle_; }
  std::string error() const { return tjGetErrorStr2(handle_); }

 private:
  tjhandle handle_;
};

// The encoder's output, which it allocates.
struct Encoded {
  unsigned char* data = nullptr;
  unsigned long size = 0;
  Encoded() = default;
  ~Encoded() { tjFree(data); }
  Encoded(const Encoded&) = delete;
  Encoded& operator=(const Encoded&) = delete;
};

Image as_gray(const Image& image) {
  Image gray(image.height, image.width, 1);
  for (size_t i = 0; i < gray.pixels.size(); ++i) {
    const uint8_t* from = image.pixels.data() + 3 * i;
    // In 16 bits after the point, rounded to nearest.
    gray.pixels[i] = static_cast<uint8_t>(
        (from[0] * 19595u + from[1] * 38470u + from[2] * 7471u + 32768u) >> 16);
  }
  return gray;
}

Image as_rgb(const Image& image) {
  Image rgb(image.height, image.width, 3);
  for (size_t i = 0; i < image.pixels.size(); ++i) {
    std::fill_n(rgb.pixels.data() + 3 * i, 3, image.pixels[i]);
  }
  return rgb;
}

}  // namespace

Image read_jpeg(const std::string& path, uint64_t max_bytes) {
  return read_jpeg(InputFile(path), max_bytes);
}

Image read_jpeg(const ByteSource& source, uint64_t max_bytes) {
  const ByteBuffer bytes = all_bytes(source);
  const Jpeg jpeg(tjInitDecompress());
  auto fail = [&](const auto&... parts) {
    detail::fail<IoError>("JPEG file ", quote_path(source.name()), ": ", parts...);
  };
  int width = 0, height = 0, subsampling = 0, space = 0;
  if (tjDecompressHeader3(jpeg, bytes.data(), bytes.size(), &width, &height, &subsampling,
                          &space) != 0) {
    fail(jpeg.error());
  }
  if (width <= 0 || height <= 0) fail("it ends before its size is told");
  const int channels = space == TJCS_GRAY ? 1 : 3;
  const uint64_t claimed = static_cast<uint64_t>(width) * static_cast<uint64_t>(height) *
                           static_cast<uint64_t>(channels);
  if (claimed > max_bytes) {
    fail("it claims ", height, " x ", width, " pixels, ", claimed, " bytes, expected at most ",
         max_bytes);
  }
  Image image(height, width, channels);
  // A warning is a truncated or damaged file. Scans beyond a limit are an attack on the time.
  constexpr int kFlags = TJFLAG_STOPONWARNING | TJFLAG_LIMITSCANS | TJFLAG_ACCURATEDCT;
  if (tjDecompress2(jpeg, bytes.data(), bytes.size(), image.pixels.data(), width, 0, height,
                    channels == 1 ? TJPF_GRAY : TJPF_RGB, kFlags) != 0) {
    fail(jpeg.error());
  }
  return image;
}

void write_jpeg(const std::string& path, const Image& image, int quality) {
  TAPER_CHECK_AS(ConfigError, quality >= 1 && quality <= 100, "write_jpeg: got quality ", quality,
                 ", expected 1 to 100");
  image.check("write_jpeg");
  constexpr int64_t kLargest = 65500;  // libjpeg's own limit of a side
  TAPER_CHECK_AS(ShapeError, image.height <= kLargest && image.width <= kLargest,
                 "write_jpeg: got height ", image.height, " and width ", image.width,
                 ", expected at most ", kLargest);
  const Jpeg jpeg(tjInitCompress());
  const bool gray = image.channels == 1;
  Encoded encoded;
  if (tjCompress2(jpeg, image.pixels.data(), static_cast<int>(image.width), 0,
                  static_cast<int>(image.height), gray ? TJPF_GRAY : TJPF_RGB, &encoded.data,
                  &encoded.size, gray ? TJSAMP_GRAY : TJSAMP_444, quality,
                  TJFLAG_ACCURATEDCT) != 0) {
    detail::fail<IoError>("cannot write ", quote_path(path), ": ", jpeg.error());
  }
  write_file(path, encoded.data, encoded.size);
}

Image read_image(const std::string& path, int64_t channels, uint64_t max_bytes) {
  TAPER_CHECK_AS(ConfigError, channels == 0 || channels == 1 || channels == 3, "read_image: got ",
                 channels, " channels, expected 0, 1 or 3");
  unsigned char magic[2] = {};
  const InputFile file(path);
  TAPER_CHECK_AS(IoError, file.size() >= sizeof(magic), "image file ", quote_path(path),
                 ": truncated: ", file.size(), " bytes");
  file.read(0, magic, sizeof(magic));
  const bool png = magic[0] == 0x89 && magic[1] == 'P', jpeg = magic[0] == 0xff && magic[1] == 0xd8;
  TAPER_CHECK_AS(IoError, png || jpeg, "image file ", quote_path(path),
                 ": neither a PNG nor a JPEG: it starts with the bytes ", int{magic[0]}, ", ",
                 int{magic[1]});
  Image image = png ? read_png(file, max_bytes) : read_jpeg(file, max_bytes);
  if (channels == 0 || channels == image.channels) return image;
  return channels == 1 ? as_gray(image) : as_rgb(image);
}

}  // namespace taper::io
