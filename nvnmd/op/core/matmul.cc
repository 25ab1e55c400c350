// All three products prepare their operands number by number and then run one loop. Rows are padded to groups of four
// and columns to groups of eight or sixteen, so that the loop has no tails.
#include "nvnmd/matmul.h"

#include <limits>
#include <string>
#include <vector>

#include "core/blocks.h"
#include "dp/error.h"
#include "nvnmd/bits.h"

namespace nvnmd {
namespace {

constexpr std::int64_t kRows = 4, kColumns = 8, kManyColumns = 16;
constexpr std::int64_t kTaskRows = 64;
constexpr double kExact = 0x1p53;  // up to here float64 holds every whole number

std::int64_t padded(std::int64_t n, std::int64_t group) { return (n + group - 1) / group * group; }

/// Columns of a tile: as many sums as additions are under way at once, unless most of them would be padding.
std::int64_t tile_columns(std::int64_t k) { return k < kManyColumns ? kColumns : kManyColumns; }

/// One task: some rows of one matrix of x, and the matrix of w, copied and prepared.
struct Panel {
  Panel(std::int64_t n, std::int64_t m, std::int64_t k)
      : n(n), m(m), k(k), rows(padded(n, kRows)), columns(padded(k, tile_columns(k))), x(rows * m), w(m * columns),
        y(rows * columns), row_block(rows, kSmallestBlock), column_block(columns, kSmallestBlock) {}
  const std::int64_t n, m, k, rows, columns;
  std::vector<double> x, w, y;                          // [rows, m], [m, columns], [rows, columns]
  std::vector<std::int64_t> row_block, column_block;  // exponents of the rows of x and the columns of w
};

struct Times {
  static NVNMD_INLINE double of(double x, double w) { return x * w; }
};

struct WholeTimes {
  static NVNMD_INLINE double of(double x, double w) { return std::trunc(x * w); }
};

/// y = the sum over m, in this order, of Term::of(x, w).
template <class Term, std::int64_t Width>
NVNMD_INLINE void multiply_tiles(std::int64_t rows, std::int64_t m, std::int64_t columns, const double* x,
                                 const double* w, double* y) {
  for (std::int64_t i = 0; i < rows; i += kRows)
    for (std::int64_t c = 0; c < columns; c += Width) {
      double total[kRows][Width] = {};
      for (std::int64_t j = 0; j < m; ++j)
        for (std::int64_t r = 0; r < kRows; ++r)
          for (std::int64_t s = 0; s < Width; ++s)
            total[r][s] += Term::of(x[(i + r) * m + j], w[j * columns + c + s]);
      for (std::int64_t r = 0; r < kRows; ++r)
        for (std::int64_t s = 0; s < Width; ++s) y[(i + r) * columns + c + s] = total[r][s];
    }
}

template <class Term>
NVNMD_INLINE void multiply(std::int64_t rows, std::int64_t m, std::int64_t columns, const double* x, const double* w,
                           double* y) {
  if (columns % kManyColumns == 0)
    multiply_tiles<Term, kManyColumns>(rows, m, columns, x, w, y);
  else
    multiply_tiles<Term, kColumns>(rows, m, columns, x, w, y);
}

NVNMD_CLONES void multiply_numbers(std::int64_t rows, std::int64_t m, std::int64_t columns, const double* x,
                                   const double* w, double* y) {
  multiply<Times>(rows, m, columns, x, w, y);
}

NVNMD_CLONES void multiply_to_whole(std::int64_t rows, std::int64_t m, std::int64_t columns, const double* x,
                                    const double* w, double* y) {
  multiply<WholeTimes>(rows, m, columns, x, w, y);
}

NVNMD_CLONES std::int64_t block_exponent(std::int64_t n, const double* x) {
  std::int64_t block = kSmallestBlock;
  for (std::int64_t j = 0; j < n; ++j) block = std::max(block, exponent(x[j]));
  return block;
}

NVNMD_CLONES void column_exponents(std::int64_t m, std::int64_t k, const double* w, std::int64_t* block) {
  for (std::int64_t j = 0; j < m; ++j)
    for (std::int64_t c = 0; c < k; ++c) block[c] = std::max(block[c], exponent(w[j * k + c]));
}

void find_column_blocks(Panel& p, bool columns_of_w, const double* w) {
  if (columns_of_w)
    column_exponents(p.m, p.k, w, p.column_block.data());
  else
    std::fill(p.column_block.begin(), p.column_block.end(), block_exponent(p.m * p.k, w));
}

NVNMD_CLONES void align_row(std::int64_t n, double scale, const double* x, double* out) {
  for (std::int64_t j = 0; j < n; ++j) out[j] = aligned(x[j], scale);
}

NVNMD_CLONES void align_columns(std::int64_t n, const double* scale, const double* x, double* out) {
  for (std::int64_t j = 0; j < n; ++j) out[j] = aligned(x[j], scale[j]);
}

NVNMD_CLONES void floor_row(std::int64_t n, double scale, const double* x, double* out) {
  for (std::int64_t j = 0; j < n; ++j) out[j] = std::floor(x[j] * scale);
}

NVNMD_CLONES void floor_columns(std::int64_t n, const double* scale, const double* x, double* out) {
  for (std::int64_t j = 0; j < n; ++j) out[j] = std::floor(x[j] * scale[j]);
}

/// out = the `flt` of x times scale; returns the largest magnitude.
NVNMD_CLONES double truncate_row(std::int64_t n, double scale, const double* x, double* out) {
  double largest = 0;
  for (std::int64_t j = 0; j < n; ++j) {
    out[j] = truncated(x[j]) * scale;
    largest = std::max(largest, std::abs(out[j]));
  }
  return largest;
}

/// y = the `flt` of sums in units of 2^(block + blocks - 2 kFraction).
NVNMD_CLONES void truncate_sums(std::int64_t n, std::int64_t block, const std::int64_t* blocks, const double* sums,
                                double* y) {
  for (std::int64_t c = 0; c < n; ++c) y[c] = truncated(sums[c] * power(block + blocks[c] - 2 * kFraction));
}

/// y = the `flt` of sums times scale.
NVNMD_CLONES void truncate_scaled(std::int64_t n, double scale, const double* sums, double* y) {
  for (std::int64_t c = 0; c < n; ++c) y[c] = truncated(sums[c] * scale);
}

/// y = sums times scale, rounded downwards, times unit.
NVNMD_CLONES void floor_sums(std::int64_t n, const double* scale, double unit, const double* sums, double* y) {
  for (std::int64_t c = 0; c < n; ++c) y[c] = std::floor(sums[c] * scale[c]) * unit;
}

/// Powers of two of the column exponents: 2^(shift + sign * block).
std::vector<double> column_scales(const Panel& p, std::int64_t shift, int sign) {
  std::vector<double> scale(p.columns);
  for (std::int64_t c = 0; c < p.columns; ++c) scale[c] = power(shift + sign * p.column_block[c]);
  return scale;
}

/// Run task(panel, x, w, y) for each block of rows of each matrix; it is given their first numbers.
template <class Task>
void in_panels(const Matmul& s, const double* x, const double* w, double* y, dp::Pool& pool, const Task& task) {
  const std::int64_t blocks = (s.n + kTaskRows - 1) / kTaskRows;
  const std::int64_t cost = std::min(s.n, kTaskRows) * s.m * s.k / 2 + 2 * s.m * (s.k + s.n) + 200;
  dp::parallel_for(pool, s.h * blocks, cost, [&](std::int64_t t) {
    const std::int64_t h = t / blocks, first = t % blocks * kTaskRows;
    Panel panel(std::min(kTaskRows, s.n - first), s.m, s.k);
    task(panel, h, x + (h * s.n + first) * s.m, w + h * s.m * s.k, y + (h * s.n + first) * s.k);
  });
}

/// matmul_flt2fix of numbers so large that float64 cannot hold the sums.
void fixed_by_integers(const Panel& p, int nbit, const double* x, const double* w, double* y) {
  for (std::int64_t i = 0; i < p.n; ++i)
    for (std::int64_t c = 0; c < p.k; ++c) {
      std::uint64_t total = 0;
      for (std::int64_t j = 0; j < p.m; ++j) total += fixed_term(x[i * p.m + j], w[j * p.k + c], nbit);
      y[i * p.k + c] = truncated(static_cast<double>(static_cast<std::int64_t>(total)) * power(-nbit));
    }
}

}  // namespace

void matmul_flt(const Matmul& size, bool rows_of_x, bool columns_of_w, const double* x, const double* w, double* y,
                dp::Pool& pool) {
  if (size.m > kMostTerms)
    throw dp::InvalidInput("matmul_flt: expected sums of " + std::to_string(kMostTerms) + " terms or less, found " +
                           std::to_string(size.m));
  const double* whole_x = x;
  in_panels(size, x, w, y, pool, [&](Panel& p, std::int64_t h, const double* x, const double* w, double* y) {
    const std::int64_t block = rows_of_x ? 0 : block_exponent(size.n * p.m, whole_x + h * size.n * p.m);
    for (std::int64_t i = 0; i < p.n; ++i) {
      p.row_block[i] = rows_of_x ? block_exponent(p.m, x + i * p.m) : block;
      align_row(p.m, power(kFraction - p.row_block[i]), x + i * p.m, p.x.data() + i * p.m);
    }
    find_column_blocks(p, columns_of_w, w);
    const std::vector<double> scale = column_scales(p, kFraction, -1);
    for (std::int64_t j = 0; j < p.m; ++j) align_columns(p.k, scale.data(), w + j * p.k, p.w.data() + j * p.columns);
    multiply_numbers(p.rows, p.m, p.columns, p.x.data(), p.w.data(), p.y.data());
    for (std::int64_t i = 0; i < p.n; ++i)
      truncate_sums(p.k, p.row_block[i], p.column_block.data(), p.y.data() + i * p.columns, y + i * p.k);
  });
}

void matmul_flt2fix(const Matmul& size, int nbit, const double* x, const double* w, double* y, dp::Pool& pool) {
  in_panels(size, x, w, y, pool, [&](Panel& p, std::int64_t, const double* x, const double* w, double* y) {
    const double largest_x = truncate_row(p.n * p.m, power(nbit), x, p.x.data());
    double largest_w = 0;
    for (std::int64_t j = 0; j < p.m; ++j)
      largest_w = std::max(largest_w, truncate_row(p.k, 1, w + j * p.k, p.w.data() + j * p.columns));
    const double bound = largest_x * largest_w * static_cast<double>(p.m);
    if (bound > kExact) return fixed_by_integers(p, nbit, x, w, y);
    multiply_to_whole(p.rows, p.m, p.columns, p.x.data(), p.w.data(), p.y.data());
    for (std::int64_t i = 0; i < p.n; ++i) truncate_scaled(p.k, power(-nbit), p.y.data() + i * p.columns, y + i * p.k);
  });
}

void matmul_fitnet(const Matmul& size, int nbitx, int nbitw, bool columns_of_w, const double* x, const double* w,
                   double* y, dp::Pool& pool) {
  in_panels(size, x, w, y, pool, [&](Panel& p, std::int64_t, const double* x, const double* w, double* y) {
    floor_row(p.n * p.m, power(nbitx), x, p.x.data());
    find_column_blocks(p, columns_of_w, w);
    const std::vector<double> into = column_scales(p, nbitw, -1), back = column_scales(p, -nbitw, 1);
    for (std::int64_t j = 0; j < p.m; ++j) floor_columns(p.k, into.data(), w + j * p.k, p.w.data() + j * p.columns);
    multiply_numbers(p.rows, p.m, p.columns, p.x.data(), p.w.data(), p.y.data());
    for (std::int64_t i = 0; i < p.n; ++i)
      floor_sums(p.k, back.data(), power(-nbitx), p.y.data() + i * p.columns, y + i * p.k);
  });
}

}  // namespace nvnmd
