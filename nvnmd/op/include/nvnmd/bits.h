// Patterns of float64 numbers, and the functions of single numbers that the kernels are made of.
//
// `flt` is a number with 20 fraction bits. A sum of aligned mantissas is computed in float64: those are whole numbers
// below 2^21, so that their products and the sums of up to 2048 products are exact, in any order.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

/// One version of a function for each set of vector instructions; the loader picks the best that the processor has.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__)
#if __GNUC__ >= 12  // older compilers know AVX-512 by the names of processors alone
#define NVNMD_CLONES __attribute__((target_clones("default", "avx2", "arch=x86-64-v4")))
#else
#define NVNMD_CLONES __attribute__((target_clones("default", "avx2", "arch=skylake-avx512")))
#endif
#else
#define NVNMD_CLONES
#endif
#define NVNMD_INLINE inline __attribute__((always_inline))

namespace nvnmd {

constexpr int kFraction = 20;             ///< fraction bits of a `flt`
constexpr int kSmallestBlock = -100;      ///< smallest exponent of a block of numbers
constexpr std::int64_t kMostTerms = 2048; ///< of an exact sum of products of mantissas

NVNMD_INLINE std::uint64_t pattern(double x) {
  std::uint64_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  return bits;
}

NVNMD_INLINE double number(std::uint64_t bits) {
  double x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

/// x with its fraction truncated to 20 bits.
NVNMD_INLINE double truncated(double x) { return number(pattern(x) & 0xFFFFFFFF00000000u); }

/// Exponent of x; -1023 for zero.
NVNMD_INLINE std::int64_t exponent(double x) { return std::int64_t(pattern(x) >> 52 & 0x7FF) - 1023; }

/// 2^n; 0 below the smallest normal number, infinity above the largest.
NVNMD_INLINE double power(std::int64_t n) {
  const std::int64_t biased = n + 1023;
  return number(std::uint64_t(biased < 0 ? 0 : biased > 2047 ? 2047 : biased) << 52);
}

/// Mantissa of x, with sign, in units of 2^(block - 20): `scale` is 2^(20 - block) and block at least x's exponent.
NVNMD_INLINE double aligned(double x, double scale) { return std::trunc(truncated(x) * scale); }

NVNMD_INLINE double product(double x, double w) { return truncated(truncated(x) * truncated(w)); }

/// Both numbers aligned to the larger exponent, added, truncated.
NVNMD_INLINE double sum(double x, double w) {
  const std::int64_t a = exponent(x), b = exponent(w), block = a > b ? a : b;
  // Below this exponent the unit of the mantissas is no normal number, and so is 0; its inverse would be infinite.
  const double scale = power(kFraction - (block < -1002 ? -1002 : block));
  return truncated((aligned(x, scale) + aligned(w, scale)) * power(block - kFraction));
}

/// Product of two `flt` in units of 2^-nbit, truncated, in integers modulo 2^64.
NVNMD_INLINE std::uint64_t fixed_term(double x, double w, int nbit) {
  const auto mantissa = [](double v) { return (pattern(v) >> 32 & 0xFFFFF) | 1u << kFraction; };
  std::uint64_t term = mantissa(x) * mantissa(w);
  const std::int64_t shift = exponent(x) + exponent(w) - 2 * kFraction + nbit;
  if (shift > 0)
    term = shift < 64 ? term << shift : 0;
  else
    term >>= std::min<std::int64_t>(-shift, 63);
  return (pattern(x) ^ pattern(w)) >> 63 ? -term : term;
}

}  // namespace nvnmd
