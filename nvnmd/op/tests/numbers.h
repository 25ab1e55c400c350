// Numbers of both signs and many exponents, with zeros, and the bits of results.
#pragma once

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "nvnmd/bits.h"

inline std::vector<double> numbers(std::int64_t n, int span, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<double> x(n);
  for (double& v : x) {
    const double mantissa = static_cast<double>(random()) / 0x1p31 - 1;
    v = random() % 8 ? std::ldexp(mantissa, static_cast<int>(random() % (2 * span + 1)) - span) : 0.0;
  }
  return x;
}

inline bool same_bits(const std::vector<double>& a, const std::vector<double>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (nvnmd::pattern(a[i]) != nvnmd::pattern(b[i])) return false;
  return true;
}
