// Nearly always everything fits: one pass finds the bounds, and only where they are broken numbers are looked at again.
#include "core/record.h"

#include <algorithm>
#include <cmath>

#include "nvnmd/bits.h"

namespace nvnmd {
namespace {

constexpr int kLanes = 8;

struct Bounds {
  double largest, smallest;  ///< magnitudes; the smallest of those that are not 0
};

NVNMD_INLINE void widen(double v, double infinity, double& largest, double& smallest) {
  const double a = std::abs(v), b = a == 0 ? infinity : a;
  largest = a > largest ? a : largest;
  smallest = b < smallest ? b : smallest;
}

NVNMD_CLONES Bounds bounds_of(std::int64_t n, const double* x) {
  const double infinity = number(std::uint64_t(0x7FF) << 52);
  double largest[kLanes], smallest[kLanes];
  for (int l = 0; l < kLanes; ++l) largest[l] = 0, smallest[l] = infinity;
  std::int64_t j = 0;
  for (; j + kLanes <= n; j += kLanes)
    for (int l = 0; l < kLanes; ++l) widen(x[j + l], infinity, largest[l], smallest[l]);
  for (; j < n; ++j) widen(x[j], infinity, largest[0], smallest[0]);
  return {*std::max_element(largest, largest + kLanes), *std::min_element(smallest, smallest + kLanes)};
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
