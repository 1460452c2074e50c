// The main of every test executable. --taper_file=tests/core/dtype_test.cpp runs that file's tests
// alone; --taper_suite=X and --taper_not_suite=X keep or drop suites whose name contains X.
#include <gtest/gtest.h>

#include <cstdio>
#include <string>
#include <string_view>

#include "taper/core/allocator.h"

namespace {

struct Selection {
  std::string file;
  std::string suite;
  std::string not_suite;

  bool empty() const { return file.empty() && suite.empty() && not_suite.empty(); }

  bool matches(const testing::TestInfo& test) const {
    std::string_view name = test.test_suite_name();
    return std::string_view(test.file()).ends_with(file) &&
           name.find(suite) != std::string_view::npos &&
           (not_suite.empty() || name.find(not_suite) == std::string_view::npos);
  }
};

// Takes `--name=value` out of the argument list.
std::string take_argument(int& argc, char** argv, std::string_view name) {
  std::string value;
  int kept = 0;
  for (int i = 0; i < argc; ++i) {
    std::string_view argument = argv[i];
    if (argument.starts_with(name)) {
      value = argument.substr(name.size());
    } else {
      argv[kept++] = argv[i];
    }
  }
  argc = kept;
  return value;
}

// Googletest's filter that names each selected test.
std::string filter_for(const Selection& selection) {
  std::string filter;
  const testing::UnitTest& all = *testing::UnitTest::GetInstance();
  for (int i = 0; i < all.total_test_suite_count(); ++i) {
    const testing::TestSuite& suite = *all.GetTestSuite(i);
    for (int j = 0; j < suite.total_test_count(); ++j) {
      const testing::TestInfo& test = *suite.GetTestInfo(j);
      if (selection.matches(test)) {
        filter += std::string(test.test_suite_name()) + "." + test.name() + ":";
      }
    }
  }
  return filter;
}

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  Selection selection{take_argument(argc, argv, "--taper_file="),
                      take_argument(argc, argv, "--taper_suite="),
                      take_argument(argc, argv, "--taper_not_suite=")};
  if (!selection.empty()) {
    std::string filter = filter_for(selection);
    if (filter.empty()) {
      std::fprintf(stderr, "no test matches %s\n", selection.file.c_str());
      return 1;
    }
    GTEST_FLAG_SET(filter, filter);
  }
  const int failed = RUN_ALL_TESTS();
  // Whatever the tests made must be gone: a live storage or node here is a leak or a cycle.
  const taper::LiveObjects live = taper::live_objects();
  if (live.storages != 0 || live.nodes != 0) {
    std::fprintf(stderr, "%lld storages and %lld nodes are still alive after the tests\n",
                 static_cast<long long>(live.storages), static_cast<long long>(live.nodes));
    return 1;
  }
  return failed;
}
