// Nearly always everything fits: one pass finds the bounds, and only where they are broken numbers are looked at again.
#include "core/record.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "nvnmd/bits.h"

namespace nvnmd {
namespace {

constexpr int kLanes = 8;
constexpr double kInfinity = std::numeric_limits<double>::infinity();
using Numbers = double __attribute__((vector_size(8 * kLanes)));
using Patterns = std::int64_t __attribute__((vector_size(8 * kLanes)));

struct Bounds {
  double largest, smallest;  ///< magnitudes; the smallest of those that are not 0
};

NVNMD_INLINE void widen(const double* x, std::int64_t n, Numbers& largest, Numbers& smallest) {
  Patterns bits = {};
  std::memcpy(&bits, x, sizeof(double) * n);
  bits &= ~(std::uint64_t(1) << 63);
  Numbers size;
  std::memcpy(&size, &bits, sizeof size);
  largest = size > largest ? size : largest;
  const Numbers counted = size == 0 ? kInfinity : size;
  smallest = counted < smallest ? counted : smallest;
}

NVNMD_CLONES Bounds bounds_of(std::int64_t n, const double* x) {
  Numbers largest = {}, smallest = largest + kInfinity;
  std::int64_t j = 0;
  for (; j + kLanes <= n; j += kLanes) widen(x + j, kLanes, largest, smallest);
  if (j < n) widen(x + j, n - j, largest, smallest);
  Bounds found = {0, kInfinity};
  for (int l = 0; l < kLanes; ++l) {
    found.largest = std::max(found.largest, largest[l]);
    found.smallest = std::min(found.smallest, smallest[l]);
  }
  return found;
}

}  // namespace

double Record::pass(Register r, std::int64_t n, double* x, double unit, bool noted) {
  const Bounds found = bounds_of(n, x);
  const double most = limits_[2 * r] / unit, least = limits_[2 * r + 1] / unit;
  if (noted) largest_[r] = std::max(largest_[r], found.largest * unit);
  if (found.largest <= most && found.smallest >= least) return found.largest;
  for (std::int64_t j = 0; j < n; ++j) {
    const double a = std::abs(x[j]);
    const bool over = a > most, under = a < least && a > 0;
    if (noted) over_[r] += over, under_[r] += under;
    if (saturate_ && (over || under)) x[j] = std::copysign(over ? most : 0.0, x[j]);
  }
  return saturate_ ? std::min(found.largest, most) : found.largest;
}

void Record::add_to(Registers& registers) const {
  for (int r = 0; r < kRegisters; ++r) {
    registers.largest[r] = std::max(registers.largest[r], largest_[r]);
    registers.over[r] += over_[r];
    registers.under[r] += under_[r];
  }
}

}  // namespace nvnmd
