// A test framework of one page: CHECK and CHECK_NEAR count failures, CHECK_THROWS expects an InvalidInput.
#pragma once

#include <cmath>
#include <cstdio>
#include <string>

#include "dp/error.h"

inline int failures = 0;

inline void report(const char* file, int line, const std::string& text) {
  ++failures;
  std::fprintf(stderr, "%s:%d: %s\n", file, line, text.c_str());
}

inline std::string digits(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.12g", value);
  return text;
}

#define CHECK(condition) \
  if (!(condition)) report(__FILE__, __LINE__, "expected " #condition)

#define CHECK_NEAR(found, expected, tolerance)                                                   \
  if (!(std::abs(double(found) - double(expected)) <= (tolerance)))              \
  report(__FILE__, __LINE__, #found ": expected " + digits(expected) + ", found " + digits(found))

#define CHECK_THROWS(call, text)                                                                 \
  try {                                                                                          \
    call;                                                                                        \
    report(__FILE__, __LINE__, "expected an exception: " text);                                  \
  } catch (const dp::InvalidInput& error) {                                                      \
    if (std::string(error.what()).find(text) == std::string::npos)                               \
      report(__FILE__, __LINE__, std::string("expected '" text "', found '") + error.what() + "'"); \
  }

#define TEST_MAIN(...)                                 \
  int main() {                                         \
    __VA_ARGS__;                                       \
    if (failures) std::fprintf(stderr, "%d failed\n", failures); \
    return failures != 0;                              \
  }
