// Where a number lies in a table, and the cubic polynomials of a row.
#pragma once

#include <cmath>
#include <cstdint>

#include "nvnmd/bits.h"
#include "nvnmd/map_table.h"

namespace nvnmd {

constexpr int kGroup = 5;
constexpr int kOffsetBits = 16;

struct Place {
  std::int64_t row;
  double offset;  ///< from the start of the interval, with 16 fraction bits
};

/// Throws dp::InvalidInput for groups that are none, or that lead out of the table.
void check_groups(const Table& table);

NVNMD_INLINE Place find(const Table& table, double x) {
  const double* group = table.info;
  const double* last = group + (table.groups - 1) * kGroup;
  while (group != last && !(group[0] <= x && x <= group[1])) group += kGroup;
  const double dx = group[2], rows = group[4] - group[3];
  double t = x - group[0], i = std::floor(t / dx);
  if (!(i >= 0)) {
    i = 0;
    t = 0;
  } else if (i >= rows) {
    i = rows - 1;
    t = dx;
  } else {
    t -= i * dx;
  }
  const std::uint64_t kept = ~std::uint64_t{0} << (52 - kOffsetBits);
  return {static_cast<std::int64_t>(i + group[3]), number(pattern(t) & kept)};
}

/// ((a t + b) t + c) t + d
NVNMD_INLINE double cubic(double a, double b, double c, double d, double t) {
  const double quadratic = sum(b, product(a, t));
  return sum(d, product(sum(c, product(quadratic, t)), t));
}

}  // namespace nvnmd
