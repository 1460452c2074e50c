#include "taper/io/npy.h"

#include <gtest/gtest.h>

#include <string>

#include "taper/base/error.h"
#include "taper/base/file.h"
#include "taper/ops/creation.h"
#include "taper/ops/pointwise.h"
#include "taper/ops/view.h"
#include "tests/io/mutations.h"
#include "tests/support/expect_error.h"
#include "tests/support/same_bits.h"
#include "tests/support/temp_folder.h"

namespace taper::io {
namespace {

using taper::testing::same_bits;
using taper::testing::slurp;
using taper::testing::spill;
using taper::testing::TempFolder;

/// A file with this dict as its header, in the given version, and these bytes after it.
std::string npy(const std::string& dict, const std::string& data, char version = 1) {
  std::string bytes = "\x93NUMPY";
  bytes += version;
  bytes += '\0';
  const std::string text = dict + "\n";
  for (int i = 0; i < (version == 1 ? 2 : 4); ++i) {
    bytes += static_cast<char>(text.size() >> (8 * i));
  }
  return bytes + text + data;
}
Tensor parse(const std::string& bytes) {
  return load_npy(MemorySource(bytes.data(), bytes.size(), "a.npy"));
}

TEST(Npy, RoundTripOfEveryDtypeAndForm) {
  TempFolder folder;
  for (const ScalarType dtype :
       {kByte, kChar, kShort, kInt, kLong, kHalf, kFloat, kDouble, kBool}) {
    Tensor tensor = empty({3, 5}, dtype);
    auto* bytes = static_cast<unsigned char*>(tensor.data_ptr());
    for (size_t i = 0; i < tensor.nbytes(); ++i) {
      bytes[i] = static_cast<unsigned char>(dtype == kBool ? i % 2 : i * 37 + 11);
    }
    for (const Tensor& form : {tensor, tensor.t(), tensor.slice(1, 1, 5, 2), tensor.select(0, 1)}) {
      save_npy(folder / "a", form);
      EXPECT_TRUE(same_bits(load_npy(folder / "a"), form)) << toString(dtype) << form.dim();
      EXPECT_EQ(slurp(folder / "a").find('\n') % 64, 63u) << "the elements start at 64 bytes";
    }
  }
  for (const Tensor& tensor :
       {empty({}, kInt).fill_(7), empty({0, 4}, kFloat), empty({0}, kBool)}) {
    save_npy(folder / "a", tensor);
    EXPECT_TRUE(same_bits(load_npy(folder / "a"), tensor));
  }
}

TEST(Npy, WritesWhatNumpyWrites) {
  TempFolder folder;
  save_npy(folder / "a", arange(3, kInt));
  const std::string text = "{'descr': '<i4', 'fortran_order': False, 'shape': (3,), }";
  EXPECT_EQ(slurp(folder / "a"), "\x93NUMPY" + std::string("\1\0\x76\0", 4) + text +
                                     std::string(117 - text.size(), ' ') + "\n" +
                                     std::string("\0\0\0\0\1\0\0\0\2\0\0\0", 12));
}

TEST(Npy, ReadsBothByteOrdersAllVersionsAndFortransOrder) {
  const std::string little("\1\0\2\0\3\0\4\0\5\0\6\0", 12), big("\0\1\0\2\0\3\0\4\0\5\0\6", 12);
  const Tensor rows = arange(1, 7, kShort).view({2, 3});
  for (const char version : {1, 2, 3}) {
    EXPECT_TRUE(same_bits(
        parse(npy("{'descr': '<i2', 'fortran_order': False, 'shape': (2, 3)}", little, version)),
        rows));
  }
  EXPECT_TRUE(same_bits(
      parse(npy("{\"shape\":(2,3,),\"descr\":\">i2\",\"fortran_order\":False,}   ", big)), rows));
  const Tensor columns =
      parse(npy("{'descr': '=i2', 'fortran_order': True, 'shape': (3, 2), }", little));
  EXPECT_TRUE(same_bits(columns, rows.t()));
  EXPECT_EQ(columns.strides(), IntArrayRef({1, 3}));
  const std::string zeros(8, '\0');
  EXPECT_EQ(parse(npy("{'descr': '<f8', 'fortran_order': True, 'shape': ()}", zeros)).dim(), 0);
  EXPECT_EQ(parse(npy("{'descr': '|b1', 'fortran_order': False, 'shape': (2, 0)}", "")).numel(), 0);
}

TEST(Npy, ComplexNumbers) {
  // 1 - 2i, as written by NumPy, in either byte order.
  const std::string little("\0\0\x80\x3f\0\0\0\xc0", 8), big("\x3f\x80\0\0\xc0\0\0\0", 8);
  for (const bool swapped : {false, true}) {
    const Tensor z = parse(
        npy(str("{'descr': '", swapped ? '>' : '<', "c8', 'fortran_order': False, 'shape': (1,)}"),
            swapped ? big : little));
    EXPECT_EQ(z.scalar_type(), kComplexFloat);
    EXPECT_EQ(z.item<Complex<float>>(), Complex<float>(1, -2));
  }
  TempFolder folder;
  const Tensor w = full({2, 3}, Complex<double>(0.5, 7), kComplexDouble);
  save_npy(folder / "z.npy", w);
  EXPECT_TRUE(equal(load_npy(folder / "z.npy"), w));
}

TEST(Npy, RefusesOtherTypesByName) {
  TempFolder folder;
  auto with = [](const std::string& descr) {
    return npy("{'descr': " + descr + ", 'fortran_order': False, 'shape': (1,)}", "12345678");
  };
  EXPECT_ERROR(IoError, parse(with("'|O'")), "dtype '|O' (Python objects) is not supported");
  EXPECT_ERROR(IoError, parse(with("'<U2'")), "dtype '<U2' (text)");
  EXPECT_ERROR(IoError, parse(with("'|S8'")), "(byte strings)");
  EXPECT_ERROR(IoError, parse(with("'<c32'")), "dtype '<c32'");
  EXPECT_ERROR(IoError, parse(with("'|V8'")), "dtype '|V8' (raw or structured data)");
  EXPECT_ERROR(IoError, parse(with("'<M8[ns]'")), "(dates or times)");
  EXPECT_ERROR(IoError, parse(with("'<u8'")), "unsigned integers wider than a byte");
  EXPECT_ERROR(IoError, parse(with("[('a', '<f4')]")), "a structured array is not supported");
  EXPECT_ERROR(IoError, parse(with("'<f3'")), "dtype '<f3'");
  EXPECT_ERROR(IoError, parse(with("''")), "dtype ''");
  EXPECT_ERROR(DTypeError, save_npy(folder / "a", empty({2}, kBFloat16)),
               "NumPy has no type for BFloat16");
  EXPECT_ERROR(Error, save_npy(folder / "a", Tensor()), "save_npy: the tensor is undefined");
  EXPECT_EQ(folder.count(), 0);
}

TEST(Npy, RefusesWrongHeaders) {
  const std::string eight(8, '\0');
  auto shaped = [&](const std::string& shape) {
    return npy("{'descr': '<f4', 'fortran_order': False, 'shape': " + shape + "}", eight);
  };
  EXPECT_EQ(parse(shaped("(2,)")).numel(), 2);
  EXPECT_ERROR(IoError, parse(shaped("(3,)")), "needs 12 bytes, but 8 are left (truncated?)");
  EXPECT_ERROR(IoError, parse(shaped("(1,)")), "needs 4 bytes, but 8 follow the header");
  EXPECT_ERROR(IoError, parse(shaped("(4294967296, 4294967296)")), "shape");
  EXPECT_ERROR(IoError, parse(shaped("(4294967296, 4294967296, 0)")), "shape");
  EXPECT_ERROR(IoError, parse(shaped("(99999999999999999999,)")), "a size beyond 64 bits");
  EXPECT_ERROR(IoError, parse(shaped("(-2,)")), "expected an integer of 0 or more");
  EXPECT_ERROR(IoError, parse(shaped("(2)")), "expected a tuple");
  EXPECT_ERROR(IoError, parse(shaped("2")), "expected '('");
  EXPECT_ERROR(IoError, parse(shaped("(2 2)")), "expected ',' or ')'");
  EXPECT_ERROR(IoError, parse(shaped("(__import__('os'),)")), "expected an integer");
  EXPECT_ERROR(IoError, parse(shaped(std::string(5000, '('))), "expected an integer");
  std::string ones = "(";
  for (int i = 0; i < 65; ++i) ones += "1,";
  EXPECT_ERROR(IoError, parse(shaped(ones + ")")), "more than 64 dimensions");
  EXPECT_ERROR(IoError, parse(npy("{'descr': '<f4', 'shape': (2,)}", eight)), "expected the keys");
  EXPECT_ERROR(IoError,
               parse(npy("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False}", eight)),
               "key 'descr' comes twice");
  EXPECT_ERROR(IoError, parse(npy("{'x': 1}", eight)), "key 'x' is unknown");
  EXPECT_ERROR(IoError, parse(npy("{'descr': '<f4', 'fortran_order': 0, 'shape': (2,)}", eight)),
               "expected True or False");
  EXPECT_ERROR(IoError, parse(npy("{} x", eight)), "expected the keys");
  EXPECT_ERROR(IoError,
               parse(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} x", eight)),
               "expected a newline");
  EXPECT_ERROR(IoError, parse(npy("{'descr': '<f4", eight)), "the text does not end");
  EXPECT_ERROR(IoError, parse(npy("{'descr': '|b1', 'fortran_order': False, 'shape': (1,)}", "\2")),
               "the boolean at byte");
}

TEST(Npy, RefusesWrongFrames) {
  EXPECT_ERROR(IoError, parse(""), "truncated");
  EXPECT_ERROR(IoError, parse("\x93NUMPY\1"), "truncated");
  EXPECT_ERROR(IoError, parse(std::string(20, 'x')), "no npy array");
  EXPECT_ERROR(IoError, parse("\x93NUMPY\x09\x09xxxxxxxxxx"), "format version 9.9 is unknown");
  EXPECT_ERROR(IoError, parse(std::string("\x93NUMPY\2\0\xff\xff\xff\xff{}\n", 15)),
               "the header's length is 4294967295");
  EXPECT_ERROR(IoError, parse(npy(std::string(20'000, ' '), "")), "expected at most 10000");
}

TEST(Npy, EveryMutantIsRefusedOrAnArrayOfTheFilesSize) {
  const std::string bytes =
      npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", std::string(24, '\1'));
  const auto counts = taper::testing::try_mutants(bytes, [&](const ByteSource& source) {
    const Tensor tensor = load_npy(source);
    return tensor.nbytes() <= source.size();
  });
  EXPECT_GT(counts.refused, 500);
}

}  // namespace
}  // namespace taper::io
