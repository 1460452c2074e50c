#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "taper/base/error.h"
#include "taper/base/file.h"

namespace taper::testing {

struct MutantCounts {
  int refused = 0;
  int read = 0;
};

/// Gives read() every truncation of bytes, every single flipped bit and every byte set to 0xFF.
/// read() must throw an IoError, or return whether what it got is acceptable.
inline MutantCounts try_mutants(const std::string& bytes,
                                const std::function<bool(const ByteSource&)>& read) {
  MutantCounts counts;
  auto attempt = [&](const std::string& mutant, const char* what, size_t at) {
    try {
      const bool accepted = read(MemorySource(mutant.data(), mutant.size(), "mutant"));
      EXPECT_TRUE(accepted) << what << " at byte " << at << " changed the content in silence";
      ++counts.read;
    } catch (const IoError&) {
      ++counts.refused;
    } catch (const std::exception& error) {
      ADD_FAILURE() << what << " at byte " << at << ": another kind of error: " << error.what();
    }
  };
  for (size_t at = 0; at < bytes.size(); ++at) {
    attempt(bytes.substr(0, at), "a cut", at);
    std::string mutant = bytes;
    for (int bit = 0; bit < 8; ++bit) {
      mutant[at] = static_cast<char>(bytes[at] ^ (1 << bit));
      attempt(mutant, "a flipped bit", at);
    }
    mutant[at] = static_cast<char>(0xff);
    if (mutant != bytes) attempt(mutant, "0xFF", at);
  }
  return counts;
}

}  // namespace taper::testing
