// Matrix products against loops over integers; shapes that leave rests of all groups; one and many threads.
#include "nvnmd/matmul.h"

#include "check.h"
#include "numbers.h"
#include "nvnmd/elementwise.h"

namespace {

struct Operands {
  Operands(const nvnmd::Matmul& size, int span)
      : size(size), x(numbers(size.h * size.n * size.m, span, 1)), w(numbers(size.h * size.m * size.k, span, 2)) {}

  /// Call body(row of x, column of w, number of the result) for all results.
  template <class Body>
  void each(const Body& body) const {
    std::vector<double> row(size.m), column(size.m);
    for (std::int64_t r = 0; r < size.h * size.n * size.k; ++r) {
      const std::int64_t h = r / (size.n * size.k), i = r / size.k, c = r % size.k;
      for (std::int64_t j = 0; j < size.m; ++j) {
        row[j] = x[i * size.m + j];
        column[j] = w[(h * size.m + j) * size.k + c];
      }
      body(row, column, r);
    }
  }

  std::vector<double> result() const { return std::vector<double>(size.h * size.n * size.k); }

  nvnmd::Matmul size;
  std::vector<double> x, w;
};

/// Blocks that are rows and columns: each result is a scalar product of its own.
void test_rows_and_columns(const Operands& in, dp::Pool& pool) {
  std::vector<double> found = in.result(), expected = in.result();
  nvnmd::matmul_flt(in.size, true, true, in.x.data(), in.w.data(), found.data(), pool);
  in.each([&](const std::vector<double>& row, const std::vector<double>& column, std::int64_t r) {
    nvnmd::dotmul({1, in.size.m, false}, row.data(), column.data(), &expected[r], pool);
  });
  CHECK(same_bits(found, expected));
}

/// A block that is the whole matrix gives the exponent of its largest number to all.
void test_whole_matrix(dp::Pool& pool) {
  const double x[] = {0x1p0, 0, 0x1.00001p-3, 0}, w[] = {1, 0, 0, 1};
  double y[4];
  nvnmd::matmul_flt({1, 2, 2, 2}, false, false, x, w, y, pool);
  CHECK(y[2] == 0x1p-3);
  nvnmd::matmul_flt({1, 2, 2, 2}, true, false, x, w, y, pool);
  CHECK(y[2] == 0x1.00001p-3);
}

void test_fixed(const Operands& in, dp::Pool& pool) {
  std::vector<double> found = in.result(), expected = in.result();
  nvnmd::matmul_flt2fix(in.size, 23, in.x.data(), in.w.data(), found.data(), pool);
  in.each([&](const std::vector<double>& row, const std::vector<double>& column, std::int64_t r) {
    std::int64_t total = 0;
    for (std::size_t j = 0; j < row.size(); ++j)
      total += static_cast<std::int64_t>(nvnmd::truncated(row[j]) * nvnmd::truncated(column[j]) * 0x1p23);
    expected[r] = nvnmd::truncated(static_cast<double>(total) * 0x1p-23);
  });
  CHECK(same_bits(found, expected));
}

void test_fitnet(const Operands& in, dp::Pool& pool) {
  std::vector<double> found = in.result();
  nvnmd::matmul_fitnet(in.size, 23, 19, true, in.x.data(), in.w.data(), found.data(), pool);
  in.each([&](const std::vector<double>& row, const std::vector<double>& column, std::int64_t r) {
    std::int64_t e = -100, total = 0;
    for (double v : column) e = std::max(e, nvnmd::exponent(v));
    for (std::size_t j = 0; j < row.size(); ++j)
      total += static_cast<std::int64_t>(std::floor(std::ldexp(row[j], 23))) *
               static_cast<std::int64_t>(std::floor(std::ldexp(column[j], 19 - static_cast<int>(e))));
    CHECK(found[r] == std::ldexp(std::floor(std::ldexp(static_cast<double>(total), static_cast<int>(e) - 19)), -23));
  });
}

}  // namespace

TEST_MAIN(
    dp::ThreadPool one(1), three(3);
    const nvnmd::Matmul sizes[] = {{1, 1, 1, 1}, {3, 4, 24, 9}, {2, 70, 5, 17}, {1, 130, 128, 8}, {2, 3, 0, 2}};
    for (const nvnmd::Matmul& size : sizes)
      for (dp::Pool* pool : {&one, &three}) {
        test_rows_and_columns(Operands(size, 12), *pool);
        test_fixed(Operands(size, 8), *pool);
        test_fixed(Operands(size, 13), *pool);
        test_fitnet(Operands({1, size.n, size.m, size.k}, 2), *pool);
      }
    test_whole_matrix(one))
