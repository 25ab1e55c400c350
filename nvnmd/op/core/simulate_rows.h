// What the descriptor and its derivative share: small functions of a slot or of its channels.
#pragma once

#include <cstdint>

#include "core/table_row.h"
#include "nvnmd/bits.h"
#include "nvnmd/simulate.h"

namespace nvnmd {

constexpr int kBits = 23;
constexpr double kUp = 0x1p23, kDown = 0x1p-23;
constexpr double kExact = 0x1p53;
constexpr int kLanes = 8;

NVNMD_INLINE double magnitude(double x) { return number(pattern(x) & ~(std::uint64_t(1) << 63)); }
NVNMD_INLINE double larger(double a, double b) { return a > b ? a : b; }

/// Exponent of the block whose largest magnitude is given.
NVNMD_INLINE std::int64_t block_of(double largest) {
  const std::int64_t e = exponent(largest);
  return e < kSmallestBlock ? kSmallestBlock : e;
}

NVNMD_INLINE double largest_channel(const double* x) {
  double lanes[kLanes] = {};
  for (int c = 0; c < kChannels; c += kLanes)
    for (int l = 0; l < kLanes; ++l) lanes[l] = larger(magnitude(x[c + l]), lanes[l]);
  double largest = 0;
  for (int l = 0; l < kLanes; ++l) largest = larger(lanes[l], largest);
  return largest;
}

NVNMD_INLINE double total_of(const double* lanes) {
  double total = 0;
  for (int l = 0; l < kLanes; ++l) total += lanes[l];
  return total;
}

/// Scalar product of a few numbers of one slot, dotmul.
NVNMD_INLINE double dot3(double a0, double a1, double a2, double b0, double b1, double b2) {
  const std::int64_t a = block_of(larger(magnitude(a0), larger(magnitude(a1), magnitude(a2))));
  const std::int64_t b = block_of(larger(magnitude(b0), larger(magnitude(b1), magnitude(b2))));
  const double sa = power(kFraction - a), sb = power(kFraction - b);
  const double total = aligned(a0, sa) * aligned(b0, sb) + aligned(a1, sa) * aligned(b1, sb) +
                       aligned(a2, sa) * aligned(b2, sb);
  return truncated(total * power(a + b - 2 * kFraction));
}

NVNMD_INLINE void look_up_channels(const double* row, double t, double* y) {
  const double *a = row, *b = a + kChannels, *c = b + kChannels, *d = c + kChannels;
  for (int k = 0; k < kChannels; ++k) y[k] = cubic(a[k], b[k], c[k], d[k], t);
}

inline double as_number(std::uint64_t whole) { return static_cast<double>(static_cast<std::int64_t>(whole)); }

/// A table of 512 rows among several.
inline const double* table_of(const double* tables, int index, int channels) {
  return tables + std::int64_t(index) * kSegments * 4 * channels;
}

/// s and h [n] of the table [512, 4, 2] at u; room [9, m].
void look_up_switches(const Table& table, const double* rows, int n, int m, const double* u, double* room, double* s,
                      double* h);

/// x [n] = factor x
void multiply_by(double factor, int n, double* x);

/// g [n, 32] = factor g, slot by slot
void multiply_channels(int n, const double* const* factor, double* g);

}  // namespace nvnmd
