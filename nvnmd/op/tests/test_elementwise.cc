// Functions of single numbers and scalar products against sums of integers; every length; one and many threads.
#include "nvnmd/elementwise.h"

#include <algorithm>

#include "check.h"
#include "numbers.h"

namespace {

using nvnmd::pattern;

/// Mantissa of x with its sign, shifted right by `shift`.
std::int64_t mantissa(double x, std::int64_t shift) {
  const std::int64_t m = ((pattern(x) >> 32 & 0xFFFFF) | 0x100000) >> std::min<std::int64_t>(shift, 63);
  return std::signbit(x) ? -m : m;
}

double by_integers(double x, double w) {
  if (x == 0 && w == 0) return x + w;
  const std::int64_t e = std::max(nvnmd::exponent(x), nvnmd::exponent(w));
  const std::int64_t total = mantissa(x, e - nvnmd::exponent(x)) + mantissa(w, e - nvnmd::exponent(w));
  return nvnmd::truncated(std::ldexp(static_cast<double>(total), static_cast<int>(e) - 20));
}

void test_sums(int n, dp::Pool& pool) {
  const std::vector<double> x = numbers(n, 12, 1), w = numbers(n, 12, 2);
  std::vector<double> found(n), expected(n);
  nvnmd::add(n, x.data(), w.data(), found.data(), pool);
  for (int i = 0; i < n; ++i) expected[i] = by_integers(x[i], w[i]);
  CHECK(same_bits(found, expected));
}

void test_products(std::int64_t rows, std::int64_t width, dp::Pool& pool) {
  const std::vector<double> x = numbers(rows * width, 12, 3), w = numbers(rows * width, 12, 4);
  std::vector<double> found(rows * width), spread(rows * width), dots(rows), expected(rows);
  nvnmd::mul({rows, width, false}, x.data(), w.data(), found.data(), pool);
  nvnmd::mul({rows, width, true}, x.data(), w.data(), spread.data(), pool);
  nvnmd::dotmul({rows, width, false}, x.data(), w.data(), dots.data(), pool);
  for (std::int64_t i = 0; i < rows; ++i) {
    std::int64_t a = -100, b = -100, total = 0;
    for (std::int64_t j = i * width; j < (i + 1) * width; ++j) {
      CHECK(found[j] == nvnmd::truncated(nvnmd::truncated(x[j]) * nvnmd::truncated(w[j])));
      CHECK(spread[j] == nvnmd::truncated(nvnmd::truncated(x[i]) * nvnmd::truncated(w[j])));
      a = std::max(a, nvnmd::exponent(x[j]));
      b = std::max(b, nvnmd::exponent(w[j]));
    }
    for (std::int64_t j = i * width; j < (i + 1) * width; ++j)
      total += mantissa(x[j], a - nvnmd::exponent(x[j])) * mantissa(w[j], b - nvnmd::exponent(w[j]));
    expected[i] = nvnmd::truncated(std::ldexp(static_cast<double>(total), static_cast<int>(a + b) - 40));
  }
  CHECK(same_bits(dots, expected));
}

void test_rounding(dp::Pool& pool) {
  const std::vector<double> x = {0.5, -0.5, 1.5, -2.5, 0.25, -0.25, std::nextafter(0.5, 0), 3};
  std::vector<double> down(x.size()), near(x.size()), same(x.size());
  nvnmd::quantize(x.size(), false, 0, x.data(), down.data(), pool);
  nvnmd::quantize(x.size(), true, 0, x.data(), near.data(), pool);
  nvnmd::quantize(x.size(), true, -1, x.data(), same.data(), pool);
  CHECK(same_bits(down, {0, -1, 1, -3, 0, -1, 0, 3}));
  CHECK(same_bits(near, {1, -1, 2, -3, 0, -0.0, 0, 3}));
  CHECK(same_bits(same, x));
}

void test_tanh4(dp::Pool& pool) {
  for (double x : {0.0, 1e-9, 0.3, 1.0, 1.999, 2.0, 5.0}) {
    const double both[] = {x, -x};
    double y[2];
    nvnmd::tanh4(2, both, y, pool);
    const double a = std::min(x, 2.0);
    CHECK_NEAR(y[0], a * a * a * a / 16 - a * a * a / 4 + a, 2e-6);
    CHECK(y[1] == -y[0]);
  }
}

}  // namespace

TEST_MAIN(
    dp::ThreadPool one(1), three(3);
    for (int n = 0; n < 20; ++n) test_sums(n, one);
    test_sums(10000, three);
    for (int width : {0, 1, 3, 8, 33}) test_products(7, width, one);
    test_products(5000, 5, three);
    test_products(2, 2048, one);
    const std::vector<double> zeros(2049);
    double y;
    CHECK_THROWS(nvnmd::dotmul({1, 2049, false}, zeros.data(), zeros.data(), &y, one), "2048 numbers or less");
    test_rounding(one);
    test_tanh4(one))
