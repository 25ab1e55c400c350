// A function of one variable with many outputs, tabulated as polynomials. Plain data only: the kernel texts read it too.
#pragma once

#include <cstdint>

namespace dp {

/// Polynomials of degree 5 on a grid of two steps: the rows cover [lower, upper) in steps `fine` and then [upper, max)
/// in steps `coarse`; where `symmetric`, [-max, lower) in steps `coarse` comes before them.
template <class T>
struct PolynomialTable {
  const T* coefficients;  ///< [rows, width, 6]: of 1, u, ..., u^5, u the distance from the left end of the interval
  std::int64_t rows;
  std::int64_t width;  ///< outputs of the function
  T lower, upper, max, fine, coarse;
  bool symmetric;
};

}  // namespace dp
