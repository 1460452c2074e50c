#pragma once

#include <gtest/gtest.h>

#include <string>

/// The call must throw Kind (of taper) with this text in its message.
#define EXPECT_ERROR(Kind, call, text)                                                    \
  do {                                                                                    \
    try {                                                                                 \
      (void)(call);                                                                       \
      ADD_FAILURE() << #call << " did not throw";                                         \
    } catch (const ::taper::Kind& error) {                                                \
      EXPECT_NE(std::string(error.what()).find(text), std::string::npos) << error.what(); \
    } catch (const std::exception& error) {                                               \
      ADD_FAILURE() << #call << " threw another kind of error: " << error.what();         \
    }                                                                                     \
  } while (false)
