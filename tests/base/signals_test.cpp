#include "taper/base/signals.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace taper {
namespace {

int seen = 0;
void own_handler(int signal) { seen = signal; }

TEST(Signals, NotesTheFirstAndRestoresHandlers) {
  std::signal(SIGTERM, &own_handler);
  {
    const SignalScope outer, inactive(false);
    EXPECT_EQ(outer.received(), 0);
    {
      const SignalScope inner;
      std::raise(SIGTERM);
      EXPECT_EQ(inner.received(), SIGTERM);
      EXPECT_EQ(inactive.received(), 0);
    }
    EXPECT_EQ(outer.received(), SIGTERM);
    EXPECT_EQ(seen, 0);
  }
  std::raise(SIGTERM);
  EXPECT_EQ(seen, SIGTERM) << "the program's own handler is back";
  const SignalScope later;
  EXPECT_EQ(later.received(), 0);
  std::signal(SIGTERM, SIG_DFL);
}

TEST(Signals, LeavesIgnoredOnesIgnored) {
  std::signal(SIGINT, SIG_IGN);
  {
    const SignalScope scope;
    std::raise(SIGINT);
    EXPECT_EQ(scope.received(), 0);
  }
  std::signal(SIGINT, SIG_DFL);
}

// Not under the thread sanitizer, whose run time delays signals.
#if !defined(__SANITIZE_THREAD__)
TEST(Signals, TheSecondOneEndsTheProcess) {
  for (const int second : {SIGINT, SIGTERM}) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      const SignalScope scope;
      ::raise(SIGTERM);
      if (scope.received() != SIGTERM) ::_exit(1);
      ::raise(second);
      ::_exit(2);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << WEXITSTATUS(status);
    EXPECT_EQ(WTERMSIG(status), second);
  }
}
#endif

}  // namespace
}  // namespace taper
