#include "taper/io/torch_file.h"

#include <gtest/gtest.h>

#include <cstring>
#include <sstream>
#include <string>

#include "taper/base/error.h"
#include "taper/base/file.h"
#include "taper/io/zip.h"
#include "taper/ops/creation.h"
#include "taper/ops/view.h"
#include "tests/io/ivalue_text.h"
#include "tests/io/mutations.h"
#include "tests/support/expect_error.h"
#include "tests/support/paths.h"
#include "tests/support/temp_folder.h"

namespace taper::io {
namespace {

using taper::testing::slurp;
using taper::testing::spill;
using taper::testing::TempFolder;
using taper::testing::to_text;

std::string to_bytes(const IValue& value) {
  std::ostringstream stream;
  save_torch(stream, value);
  return stream.str();
}
IValue parse(const std::string& bytes, const TorchFileLimits& limits = {}) {
  return load_torch(MemorySource(bytes.data(), bytes.size(), "a.pt"), limits);
}
IValue round_trip(const IValue& value) { return parse(to_bytes(value)); }

/// An archive with this pickle and these storages "0", "1", ...
std::string file_of(const std::string& pickle, const std::vector<std::string>& storages = {}) {
  std::string bytes;
  ZipWriter writer(
      [&](const void* data, size_t size) { bytes.append(static_cast<const char*>(data), size); });
  writer.add("m/data.pkl", {{pickle.data(), pickle.size()}});
  for (size_t i = 0; i < storages.size(); ++i) {
    writer.add("m/data/" + std::to_string(i), {{storages[i].data(), storages[i].size()}});
  }
  writer.finish();
  return bytes;
}
std::string text(const std::string& value) {
  return "X" + std::string(1, static_cast<char>(value.size())) + std::string(3, '\0') + value;
}
std::string number(int value) { return "K" + std::string(1, static_cast<char>(value)); }
/// A tensor of storage "0", which has count floats.
std::string tensor(int count, const std::string& offset, const std::string& sizes,
                   const std::string& strides, const std::string& type = "FloatStorage") {
  return "ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage") + "ctorch\n" + type + "\n" +
         text("0") + text("cpu") + number(count) + "tQ" + offset + sizes + strides + "\x89" +
         "ccollections\nOrderedDict\n)RtR";
}
const std::string kProtocol = "\x80\x02";

TEST(TorchFile, RoundTripOfTrees) {
  IValue dict = IValue::dict({{"none", {}},
                              {"yes", true},
                              {"no", false},
                              {"text", "h\xc3\xa9llo"},
                              {"bytes", IValue::bytes(std::string("\0\x7f\x80\xff", 4))},
                              {"nothing", IValue::bytes("")},
                              {7, 1.5},
                              {"list", IValue::list({1, "a", IValue::list(), IValue::tuple({})})},
                              {"tuple", IValue::tuple({1, 2, 3, 4})},
                              {"dict", IValue::dict()}});
  for (const int64_t value : {int64_t{0}, int64_t{255}, int64_t{256}, int64_t{-1}, INT64_MAX,
                              INT64_MIN, int64_t{1} << 31, -(int64_t{1} << 31)}) {
    dict.insert(value, value);
  }
  dict.insert("inf", -1.0 / 0.0);
  EXPECT_EQ(to_text(round_trip(dict)), to_text(dict));
  dict.set_metadata(IValue::dict({{"", IValue::dict({{"version", 2}})}}));
  const IValue back = round_trip(dict);
  ASSERT_NE(back.metadata(), nullptr);
  EXPECT_EQ(back.metadata()->at("").at("version").toInt(), 2);
}

TEST(TorchFile, RoundTripOfEveryDtypeAndForm) {
  for (const ScalarType dtype :
       {kByte, kChar, kShort, kInt, kLong, kHalf, kFloat, kDouble, kBool, kBFloat16}) {
    Tensor tensor = empty({3, 5}, dtype);
    auto* bytes = static_cast<unsigned char*>(tensor.data_ptr());
    for (size_t i = 0; i < tensor.nbytes(); ++i) {
      bytes[i] = static_cast<unsigned char>(dtype == kBool ? i % 2 : i * 37 + 11);
    }
    for (const Tensor& form : {tensor, tensor.t(), tensor.slice(1, 1, 5, 2), tensor.select(0, 1),
                               tensor.select(0, 1).unsqueeze(0).expand({4, 5}),
                               empty({0, 4}, dtype), empty({}, dtype).fill_(1)}) {
      const Tensor back = round_trip(form).toTensor();
      EXPECT_EQ(back.strides(), form.strides());
      EXPECT_EQ(to_text(back), to_text(form));
    }
  }
}

TEST(TorchFile, ViewsOfOneStorageComeBackSharingIt) {
  const Tensor base = arange(12, kFloat).view({3, 4});
  const IValue back =
      round_trip(IValue::list({base, base.t(), base.select(0, 2), base, arange(2, kFloat)}));
  const auto& list = back.toListRef();
  list[1].toTensor().select(0, 0).fill_(9);
  EXPECT_EQ(to_text(list[0]), to_text(list[3]));
  EXPECT_EQ(list[2].toTensor().data_ptr<float>()[0], 9);
  EXPECT_TRUE(list[0].toTensor().is_alias_of(list[2].toTensor()));
  EXPECT_FALSE(list[0].toTensor().is_alias_of(list[4].toTensor()));
  EXPECT_EQ(list[2].toTensor().storage_offset(), 8);
}

TEST(TorchFile, KeepsRequiresGrad) {
  const Tensor weight = arange(3, kFloat).requires_grad_();
  EXPECT_TRUE(round_trip(weight).toTensor().requires_grad());
  EXPECT_TRUE(round_trip(weight).toTensor().is_leaf());
  EXPECT_FALSE(round_trip(weight.detach()).toTensor().requires_grad());
}

TEST(TorchFile, TheSameValuesGiveTheSameAlignedBytes) {
  const IValue value = IValue::list({arange(3, kFloat), arange(5, kLong)});
  const std::string bytes = to_bytes(value);
  EXPECT_EQ(bytes, to_bytes(value));
  const MemorySource source(bytes.data(), bytes.size(), "a");
  const ZipReader zip(source, "zip");
  for (const char* name : {"archive/data.pkl", "archive/byteorder", "archive/data/0",
                           "archive/data/1", "archive/version"}) {
    ASSERT_NE(zip.find(name), nullptr) << name;
    EXPECT_EQ(zip.find(name)->data % 64, 0u) << name;
  }
}

TEST(TorchFile, WhatCannotBeWrittenLeavesTheOldFile) {
  TempFolder folder;
  save_torch(folder / "a", 1);
  const std::string before = slurp(folder / "a");
  EXPECT_ERROR(Error, save_torch(folder / "a", "\xff"), "is not UTF-8");
  EXPECT_ERROR(Error, save_torch(folder / "a", IValue::dict({{IValue::list(), 1}})),
               "a list cannot be a dict's key");
  IValue deep = 1;
  for (int i = 0; i < 300; ++i) deep = IValue::list({deep});
  EXPECT_ERROR(Error, save_torch(folder / "a", deep), "more than 200 deep");
  EXPECT_EQ(slurp(folder / "a"), before);
  EXPECT_EQ(folder.count(), 1);
  EXPECT_ERROR(IoError, save_torch("/dev/full", 1), "it is a device");
  std::ostringstream failed;
  failed.setstate(std::ios::badbit);
  EXPECT_ERROR(IoError, save_torch(failed, 1), "the stream failed");
}

TEST(TorchFile, ReadsFilesOfPyTorch) {
  const IValue tree = load_torch(taper::testing::test_path("io/golden/tree.pt"));
  EXPECT_EQ(to_text(tree) + "\n", slurp(taper::testing::test_path("io/golden/tree.txt")));
  const auto& views = tree.at("views").toListRef();
  EXPECT_TRUE(views[0].toTensor().is_alias_of(views[1].toTensor()));
  EXPECT_TRUE(tree.at("parameter").toTensor().requires_grad());
  EXPECT_FALSE(tree.at("frozen").toTensor().requires_grad());
  ASSERT_NE(tree.at("module").metadata(), nullptr);
  EXPECT_EQ(tree.at("module").metadata()->at("1").at("version").toInt(), 2);
  // Written anew, Taper reads the same.
  EXPECT_EQ(to_text(round_trip(tree)), to_text(tree));
}

TEST(TorchFile, ReadsOtherPickleProtocols) {
  for (const char* name : {"io/golden/tree_protocol4.pt", "io/golden/tree_deflated.pt"}) {
    EXPECT_EQ(to_text(load_torch(taper::testing::test_path(name))) + "\n",
              slurp(taper::testing::test_path("io/golden/tree.txt")));
  }
}

TEST(TorchFile, ReadsTheOtherByteOrder) {
  std::string bytes;
  ZipWriter writer(
      [&](const void* data, size_t size) { bytes.append(static_cast<const char*>(data), size); });
  const std::string pickle =
      kProtocol + tensor(2, number(0), number(2) + "\x85", number(1) + "\x85", "ShortStorage") +
      ".";
  writer.add("m/data.pkl", {{pickle.data(), pickle.size()}});
  writer.add("m/byteorder", {{"big", 3}});
  writer.add("m/data/0", {{"\0\1\2\3", 4}});
  writer.finish();
  EXPECT_EQ(to_text(parse(bytes)), "Short[2](1)@0 {1, 515}");
}

TEST(TorchFile, NoMutantIsReadAsSomethingElse) {
  const IValue value = IValue::dict({{"w", arange(6, kFloat).view({2, 3})},
                                     {"n", IValue::list({1, 2.5, "x"})},
                                     {"b", IValue::bytes("\xff")}});
  const std::string expected = to_text(value);
  const auto counts = taper::testing::try_mutants(to_bytes(value), [&](const ByteSource& source) {
    return to_text(load_torch(source)) == expected;
  });
  EXPECT_GT(counts.refused, 5000);
}

// The pickle without the archive's checksum: whatever it becomes, an error or a value, no crash.
TEST(TorchFile, MutantsOfThePickleAreRefusedOrValues) {
  const std::string pickle =
      kProtocol + "}(" + text("w") +
      tensor(6, number(0), "(" + number(2) + number(3) + "t", "(" + number(3) + number(1) + "t") +
      text("l") + "](" +
      "NK\5J\1\2\3\4"
      "e" +
      text("b") + "c_codecs\nencode\n(" + text("\xc3\xa9") + text("latin1") + "tRu.";
  const std::string data(24, '\0');
  EXPECT_EQ(to_text(parse(file_of(pickle, {data}))),
            "dict{'w': Float[2, 3](3, 1)@0 {0, 0, 0, 0, 0, 0}, 'l': list[None, 5, 67305985], 'b': "
            "bytes 'xe9'}");
  const auto counts = taper::testing::try_mutants(pickle, [&](const ByteSource& source) {
    std::string mutant(source.size(), '\0');
    source.read(0, mutant.data(), mutant.size());
    parse(file_of(mutant, {data}));
    return true;
  });
  EXPECT_GT(counts.refused, 500);
}

TEST(TorchFile, RefusesOtherFormatsByName) {
  EXPECT_ERROR(
      IoError,
      parse(std::string("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.more", 19)),
      "legacy format of torch.save() before PyTorch 1.6");
  std::string tar(600, '\0');
  tar.replace(257, 5, "ustar");
  EXPECT_ERROR(IoError, parse(tar), "tar format of torch.save()");
  EXPECT_ERROR(IoError, parse(""), "no zip archive");
  EXPECT_ERROR(IoError, parse("hello"), "no zip archive");
  std::string bytes;
  ZipWriter writer(
      [&](const void* data, size_t size) { bytes.append(static_cast<const char*>(data), size); });
  writer.add("m/data.pkl", {{"x", 1}});
  writer.add("m/constants.pkl", {{"x", 1}});
  writer.finish();
  EXPECT_ERROR(IoError, parse(bytes), "it is a TorchScript archive");
  EXPECT_ERROR(IoError, parse(file_of("x").replace(32, 8, "data.pkx")), "another name");
}

TEST(TorchFile, RefusesEveryOtherGlobalByName) {
  auto global = [&](const std::string& module, const std::string& name) {
    return file_of(kProtocol + "c" + module + "\n" + name + "\n.");
  };
  EXPECT_ERROR(IoError, parse(global("os", "system")),
               "the pickle asks for 'os.system', which is not allowed");
  EXPECT_ERROR(IoError, parse(global("builtins", "eval")), "'builtins.eval'");
  EXPECT_ERROR(IoError, parse(global("torch.storage", "_load_from_bytes")),
               "'torch.storage._load_from_bytes'");
  EXPECT_ERROR(IoError, parse(global("torch", "QInt8Storage")), "'torch.QInt8Storage'");
  EXPECT_ERROR(IoError, parse(global("torch._utils", "_rebuild_sparse_tensor")),
               "_rebuild_sparse_tensor");
  EXPECT_ERROR(IoError, parse(global("a\x1b[31m", "b")), "'a\\x1b[31m.b'");
  EXPECT_ERROR(IoError, parse(file_of("\x80\x04" + std::string("\x8c\2os\x8c\6system\x93."))),
               "'os.system'");
  EXPECT_ERROR(IoError, parse(global("collections", "OrderedDict")), "a bare storage or class");
  EXPECT_EQ(parse(global("torch", "float32")).toStringRef(), "torch.float32");
  for (const char op : {'i', 'o', 'V', 'I', 'L', 'F', 'S', 'P', 'p', 'g', '1', '\x81', '\x82',
                        '\x8f', '\x92', '\x97'}) {
    EXPECT_ERROR(IoError, parse(file_of(kProtocol + op)), "is not allowed");
  }
}

TEST(TorchFile, RefusesTensorsThatLeaveTheirStorage) {
  const std::string data(24, '\1');
  const std::string two = number(2) + "\x85", one = number(1) + "\x85", six = number(6) + "\x85";
  auto with = [&](const std::string& tensor_text) {
    return file_of(kProtocol + tensor_text + ".", {data});
  };
  EXPECT_EQ(parse(with(tensor(6, number(4), two, one))).toTensor().numel(), 2);
  const std::string minus = std::string("J\xff\xff\xff\xff", 5);
  const std::string huge = std::string("\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f", 10);
  EXPECT_ERROR(IoError, parse(with(tensor(6, number(5), two, one))), "out of bounds for storage");
  EXPECT_ERROR(IoError, parse(with(tensor(6, number(0), two, six))), "out of bounds for storage");
  EXPECT_ERROR(IoError, parse(with(tensor(6, minus, two, one))), "offset -1");
  EXPECT_ERROR(IoError, parse(with(tensor(6, number(0), minus + "\x85", one))),
               "torch file 'a.pt'");
  EXPECT_ERROR(IoError, parse(with(tensor(6, number(0), two, minus + "\x85"))),
               "torch file 'a.pt'");
  EXPECT_ERROR(IoError, parse(with(tensor(6, number(0), two, huge + "\x85"))), "torch file 'a.pt'");
  EXPECT_ERROR(
      IoError,
      parse(with(tensor(6, number(0), huge + huge + "\x86", number(1) + number(1) + "\x86"))),
      "torch file 'a.pt'");
  EXPECT_ERROR(IoError, parse(with(tensor(6, huge, two, one))), "torch file 'a.pt'");
  EXPECT_ERROR(IoError, parse(with(tensor(6, number(0), two, ")"))), "strides []");
  EXPECT_ERROR(IoError, parse(with(tensor(7, number(0), two, one))),
               "has 24 bytes, expected 7 elements of 4");
  EXPECT_ERROR(IoError, parse(with(tensor(6, number(0), two, one, "BoolStorage"))),
               "expected 6 elements of 1");
  EXPECT_ERROR(IoError, parse(file_of(kProtocol + tensor(6, number(0), two, one) + ".", {})),
               "'m/data/0' is missing");
  EXPECT_ERROR(
      IoError,
      parse(file_of(kProtocol + tensor(2, number(0), two, one, "BoolStorage") + ".", {"\1\2"})),
      "a boolean that is neither 0 nor 1");
  EXPECT_ERROR(IoError,
               parse(with("](" + tensor(6, number(0), two, one) +
                          tensor(3, number(0), two, one, "LongStorage") + "e")),
               "is described in two ways");
}

TEST(TorchFile, RefusesPicklesThatAreNoProgram) {
  auto run = [&](const std::string& steps) { return parse(file_of(kProtocol + steps)); };
  EXPECT_ERROR(IoError, run(""), "the pickle is cut off");
  EXPECT_ERROR(IoError, run("."), "ends with 0 values");
  EXPECT_ERROR(IoError, run("NN."), "ends with 2 values");
  EXPECT_ERROR(IoError, run("N(."), "expected one");
  EXPECT_ERROR(IoError, run("N.N"), "bytes after the pickle's end");
  EXPECT_ERROR(IoError, run("t"), "no mark on the stack");
  EXPECT_ERROR(IoError, run("0"), "nothing on the stack");
  EXPECT_ERROR(IoError, run("N(0"), "nothing on the stack");
  EXPECT_ERROR(IoError, run("q\1"), "nothing on the stack");
  EXPECT_ERROR(IoError, run("h\1"), "memo 1 is empty");
  EXPECT_ERROR(IoError, run("Nr\xff\xff\xff\x7f."), "is out of range");
  EXPECT_ERROR(IoError, run("NNs"), "nothing on the stack");
  EXPECT_ERROR(IoError, run("}(Nu."), "a dict's key has no value");
  EXPECT_ERROR(IoError, run("}(]Nu."), "a dict's key is a container");
  EXPECT_ERROR(IoError, run("N(Ne."), "expected a list to add to");
  EXPECT_ERROR(IoError, run("NQ."), "a storage's description is of the wrong kind");
  EXPECT_ERROR(IoError, run("N)R."), "what is called is of the wrong kind");
  EXPECT_ERROR(IoError, run("N}b."), "attributes of an object that can have none");
  EXPECT_ERROR(IoError, run("X\xff\xff\xff\xff"), "the pickle is cut off");
  EXPECT_ERROR(IoError, run("X\1" + std::string(3, '\0') + "\xff."), "a text is not UTF-8");
  EXPECT_ERROR(IoError, run(std::string("\x8a\x09", 2) + std::string(9, '\1') + "."),
               "an integer of 9 bytes");
  EXPECT_ERROR(IoError, parse(file_of(std::string("\x80\x09N.", 4))), "pickle protocol 9");
  EXPECT_ERROR(IoError, run("(" + text("storage") + "NNNNtQ."),
               "a storage's type is of the wrong kind");
}

// Texts that grow when they are carried out: each is refused long before memory is short.
TEST(TorchFile, RefusesPicklesThatGrow) {
  auto run = [&](const std::string& steps) { return parse(file_of(kProtocol + steps)); };
  std::string doubling = "](NNeq" + std::string(1, '\0');
  for (int i = 0; i < 60; ++i) {
    const char from = static_cast<char>(i), to = static_cast<char>(i + 1);
    doubling += std::string("](h") + from + "h" + from + "eq" + to;
  }
  // Each step leaves its list on the stack; all are gathered into one.
  EXPECT_ERROR(IoError, run("(" + doubling + "l."), "refused (TorchFileLimits)");
  EXPECT_ERROR(IoError, run("]q" + std::string(1, '\0') + "h" + std::string(1, '\0') + "a."),
               "deep in each other, or in themselves");
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "]";
  for (int i = 1; i < 100'000; ++i) deep += "a";
  EXPECT_ERROR(IoError, run(deep + "."), "more than 200 deep");
  EXPECT_ERROR(IoError, run("(" + std::string(10 << 20, 'N') + "l."), "refused (TorchFileLimits)");
  EXPECT_ERROR(IoError, run("(" + std::string(10 << 20, '(') + "l."), "refused (TorchFileLimits)");
  std::string copies = "X" + std::string("\0\0\x10\0", 4) + std::string(1 << 20, 'x') + "q" +
                       std::string(1, '\0') + "0(";
  for (int i = 0; i < 1000; ++i) copies += std::string("h") + '\0';
  EXPECT_ERROR(IoError, run(copies + "l."), "refused (TorchFileLimits)");
  EXPECT_ERROR(IoError, parse(to_bytes(IValue::list({1, 2, 3})), {.max_objects = 3}),
               "objects, refused");
}

TEST(TorchFile, ALaterValueOfAKeyReplacesTheFirst) {
  EXPECT_EQ(to_text(parse(
                file_of(kProtocol + "}(" + text("a") + "K\1K\5K\2" + text("a") + "K\3K\5K\4u."))),
            "dict{'a': 3, 5: 4}");
}

}  // namespace
}  // namespace taper::io
