#include "nvnmd/elementwise.h"

#include <string>

#include "core/blocks.h"
#include "dp/error.h"
#include "nvnmd/bits.h"

namespace nvnmd {
namespace {

constexpr std::int64_t kBlock = 4096;  // numbers of a task: three arrays of them stay in the second cache

NVNMD_CLONES void flt_block(std::int64_t n, const double* x, double* y) {
  for (std::int64_t i = 0; i < n; ++i) y[i] = truncated(x[i]);
}

NVNMD_CLONES void add_block(std::int64_t n, const double* x, const double* w, double* y) {
  for (std::int64_t i = 0; i < n; ++i) y[i] = sum(x[i], w[i]);
}

NVNMD_CLONES void mul_block(std::int64_t n, const double* x, const double* w, double* y) {
  for (std::int64_t i = 0; i < n; ++i) y[i] = product(x[i], w[i]);
}

NVNMD_CLONES void scale_rows(std::int64_t rows, std::int64_t width, const double* x, const double* w, double* y) {
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < width; ++j) y[i * width + j] = product(x[i], w[i * width + j]);
}

NVNMD_INLINE std::int64_t block_exponent(std::int64_t n, const double* x) {
  std::int64_t block = kSmallestBlock;
  for (std::int64_t j = 0; j < n; ++j) block = std::max(block, exponent(x[j]));
  return block;
}

NVNMD_CLONES void dotmul_rows(std::int64_t rows, std::int64_t width, const double* x, const double* w, double* y) {
  for (std::int64_t i = 0; i < rows; ++i, x += width, w += width) {
    const std::int64_t a = block_exponent(width, x), b = block_exponent(width, w);
    const double scale_x = power(kFraction - a), scale_w = power(kFraction - b);
    double total = 0;
    for (std::int64_t j = 0; j < width; ++j) total += aligned(x[j], scale_x) * aligned(w[j], scale_w);
    y[i] = truncated(total * power(a + b - 2 * kFraction));
  }
}

NVNMD_CLONES void floor_block(std::int64_t n, int nbit, const double* x, double* y) {
  const double up = power(nbit), down = power(-nbit);
  for (std::int64_t i = 0; i < n; ++i) y[i] = std::floor(x[i] * up) * down;
}

NVNMD_CLONES void round_block(std::int64_t n, int nbit, const double* x, double* y) {
  const double up = power(nbit), down = power(-nbit);
  for (std::int64_t i = 0; i < n; ++i) {
    const double v = x[i] * up, whole = std::trunc(v);
    const double step = std::abs(v - whole) >= 0.5 ? 1.0 : 0.0;  // adding 0.5 would round 0.5 - 2^-54 up
    y[i] = (whole + std::copysign(step, v)) * down;
  }
}

NVNMD_CLONES void tanh4_block(std::int64_t n, const double* x, double* y) {
  for (std::int64_t i = 0; i < n; ++i) {
    const double a = std::abs(x[i]) > 2 ? 2 : std::abs(x[i]);
    const double high = std::floor(a * 0x1p23), low = std::floor(a * 0x1p19);
    const double square = std::floor(high * low * 0x1p-19);  // 23 fraction bits; all products are below 2^53
    const double value = (std::floor(square * (square - 4 * high) * 0x1p-27) + high) * 0x1p-23;
    const double sign = x[i] > 0 ? 1.0 : x[i] < 0 ? -1.0 : 0.0;
    y[i] = sign * value;
  }
}

}  // namespace

void flt(std::int64_t n, const double* x, double* y, dp::Pool& pool) {
  in_blocks(pool, n, kBlock, 0.5, [&](std::int64_t i, std::int64_t end) { flt_block(end - i, x + i, y + i); });
}

void add(std::int64_t n, const double* x, const double* w, double* y, dp::Pool& pool) {
  in_blocks(pool, n, kBlock, 2, [&](std::int64_t i, std::int64_t end) { add_block(end - i, x + i, w + i, y + i); });
}

void mul(const RowPairs& size, const double* x, const double* w, double* y, dp::Pool& pool) {
  const std::int64_t width = size.width;
  if (!size.one_column) {
    in_blocks(pool, size.rows * width, kBlock, 1,
              [&](std::int64_t i, std::int64_t end) { mul_block(end - i, x + i, w + i, y + i); });
  } else if (width > 0) {
    in_blocks(pool, size.rows, kBlock / width, double(width), [&](std::int64_t i, std::int64_t end) {
      scale_rows(end - i, width, x + i, w + i * width, y + i * width);
    });
  }
}

void dotmul(const RowPairs& size, const double* x, const double* w, double* y, dp::Pool& pool) {
  const std::int64_t width = size.width;
  if (width > kMostTerms)
    throw dp::InvalidInput("dotmul: expected rows of " + std::to_string(kMostTerms) + " numbers or less, found " +
                           std::to_string(width));
  in_blocks(pool, size.rows, kBlock / std::max<std::int64_t>(width, 1), 2.0 * width,
            [&](std::int64_t i, std::int64_t end) {
              dotmul_rows(end - i, width, x + i * width, w + i * width, y + i);
            });
}

void quantize(std::int64_t n, bool nearest, int nbit, const double* x, double* y, dp::Pool& pool) {
  in_blocks(pool, n, kBlock, 1, [&](std::int64_t i, std::int64_t end) {
    if (nbit < 0)
      std::copy(x + i, x + end, y + i);
    else if (nearest)
      round_block(end - i, nbit, x + i, y + i);
    else
      floor_block(end - i, nbit, x + i, y + i);
  });
}

void tanh4(std::int64_t n, const double* x, double* y, dp::Pool& pool) {
  in_blocks(pool, n, kBlock, 3, [&](std::int64_t i, std::int64_t end) { tanh4_block(end - i, x + i, y + i); });
}

}  // namespace nvnmd
