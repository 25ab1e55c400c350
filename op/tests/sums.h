// Comparisons that the tests of the table ops share.
#pragma once

#include <vector>

#include "check.h"

/// Each number within the tolerance, relative to it where it is large.
template <class T>
void near(const std::vector<T>& found, const std::vector<T>& expected, double tolerance) {
  CHECK(found.size() == expected.size());
  for (std::size_t k = 0; k < expected.size(); ++k)
    CHECK_NEAR(found[k], expected[k], tolerance * (1 + std::abs(double(expected[k]))));
}

/// The scalar product, in double precision.
template <class T>
double dot(const std::vector<T>& a, const std::vector<T>& b) {
  double sum = 0;
  for (std::size_t k = 0; k < a.size(); ++k) sum += double(a[k]) * double(b[k]);
  return sum;
}
