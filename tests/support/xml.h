#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace taper::testing {

inline int count_of(std::string_view text, std::string_view part) {
  int count = 0;
  for (size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) {
    ++count;
  }
  return count;
}

/// Expects that tags are nested and closed, and that text holds no bare & or <. Elements that HTML
/// leaves open are passed over.
inline void expect_xml(std::string_view text) {
  std::vector<std::string> open;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '&') {
      const size_t end = text.find(';', at);
      ASSERT_TRUE(end != std::string_view::npos && end - at <= 6) << text.substr(at, 20);
    }
    if (text[at] != '<') continue;
    const size_t end = text.find('>', at);
    ASSERT_NE(end, std::string_view::npos) << text.substr(at, 60);
    const std::string_view tag = text.substr(at + 1, end - at - 1);
    ASSERT_EQ(tag.find('<'), std::string_view::npos) << tag;
    ASSERT_EQ(count_of(tag, "\"") % 2, 0) << tag;
    const std::string name(tag.substr(0, tag.find_first_of(" /", 1)));
    if (tag[0] == '/') {
      ASSERT_FALSE(open.empty()) << tag;
      ASSERT_EQ("/" + open.back(), std::string(tag));
      open.pop_back();
    } else if (tag.back() != '/' && tag[0] != '!' && name != "meta") {
      open.push_back(name);
      // What stands in these is no markup.
      if (name == "script" || name == "style") {
        at = text.find("</" + name, end);
        ASSERT_NE(at, std::string_view::npos);
        --at;
        continue;
      }
    }
    at = end;
  }
  EXPECT_TRUE(open.empty()) << open.back();
}

}  // namespace taper::testing
