#include "taper/base/folder.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "taper/base/error.h"
#include "taper/base/file.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"

namespace taper {
namespace {

using testing::slurp;
using testing::spill;
using testing::TempFolder;

TEST(Folder, ListsNamesInOrder) {
  TempFolder folder;
  spill(folder / "b", "");
  spill(folder / ".hidden", "");
  make_folders(folder / "a");
  EXPECT_EQ(list_folder(folder.path()), (std::vector<std::string>{".hidden", "a", "b"}));
  EXPECT_TRUE(is_folder(folder / "a"));
  EXPECT_FALSE(is_folder(folder / "b"));
  EXPECT_ERROR(IoError, list_folder(folder / "none"), "none': No such file");
  EXPECT_ERROR(IoError, list_folder(folder / "b"), "Not a directory");
}

TEST(Folder, ReplacesAFolderWhole) {
  TempFolder folder;
  make_folders(folder / "new");
  spill(folder / "new/x", "1");
  replace_folder(folder / "new", folder / "kept");
  EXPECT_EQ(slurp(folder / "kept/x"), "1");
  make_folders(folder / "new");
  spill(folder / "new/y", "2");
  replace_folder(folder / "new", folder / "kept");
  EXPECT_EQ(list_folder(folder / "kept"), std::vector<std::string>{"y"});
  EXPECT_EQ(folder.count(), 1) << "the old one is gone";
  EXPECT_ERROR(IoError, replace_folder(folder / "none", folder / "kept"), "none");
  spill(folder / "file", "");
  make_folders(folder / "new");
  EXPECT_ERROR(IoError, replace_folder(folder / "new", folder / "file"), "file': Not a directory");
}

TEST(Folder, TurnsLinks) {
  TempFolder folder;
  EXPECT_EQ(link_target(folder / "last"), "");
  replace_link(folder / "last", "one");
  EXPECT_EQ(link_target(folder / "last"), "one");
  replace_link(folder / "last", "two");
  EXPECT_EQ(link_target(folder / "last"), "two");
  EXPECT_EQ(folder.count(), 1);
  spill(folder / "file", "content");
  EXPECT_ERROR(IoError, replace_link(folder / "file", "one"), "no symbolic link");
  EXPECT_EQ(slurp(folder / "file"), "content");
  EXPECT_EQ(link_target(folder / "file"), "");
  EXPECT_ERROR(IoError, replace_link(folder / "none/last", "one"), "No such file");
}

TEST(Folder, RemovesAndSweeps) {
  TempFolder folder;
  make_folders(folder / "step_1/deep");
  spill(folder / "step_1/deep/x", "");
  spill(folder / "outside", "");
  std::filesystem::create_symlink("../outside", folder / "step_1/link");
  remove_folder(folder / "step_1");
  EXPECT_EQ(folder.count(), 1) << "what links point to stays";
  remove_all(folder / "none");
  EXPECT_ERROR(IoError, remove_folder(folder / "none"), "none");
  make_folders(temporary_sibling(folder / "step_2"));
  make_folders(folder / ".step_3.tmp-99");
  make_folders(folder / ".other.tmp-99");
  sweep_temporaries(folder.path(), "step_");
  EXPECT_EQ(list_folder(folder.path()), (std::vector<std::string>{".other.tmp-99", "outside"}));
}

}  // namespace
}  // namespace taper
