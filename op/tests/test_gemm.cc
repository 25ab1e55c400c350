// Matrix products against plain loops: all four forms, sizes around every register and stretch, strides, with and
// without addition; the same bits with any number of threads; what sizes must be.
#include "dp/gemm.h"

#include <random>
#include <vector>

#include "check.h"

namespace {

template <class T>
struct Case {
  Case(int m, int n, int k, bool a_transposed, bool b_transposed, int gap)
      : a((a_transposed ? k : m) * ((a_transposed ? m : k) + gap)),
        b((b_transposed ? n : k) * ((b_transposed ? k : n) + gap)), c(m * (n + gap)) {
    std::mt19937 random(m + 7 * n + 49 * k);
    std::normal_distribution<double> normal;
    for (auto* array : {&a, &b, &c})
      for (T& value : *array) value = static_cast<T>(normal(random));
    p.m = m, p.n = n, p.k = k, p.a = a.data(), p.b = b.data();
    p.lda = (a_transposed ? m : k) + gap, p.ldb = (b_transposed ? k : n) + gap, p.ldc = n + gap;
    p.a_transposed = a_transposed, p.b_transposed = b_transposed;
  }
  std::vector<T> run(bool add, const dp::Context& context) const {
    std::vector<T> out = c;
    dp::Product<T> product = p;
    product.c = out.data(), product.add = add;
    dp::gemm(product, context);
    return out;
  }
  /// By the definition; what lies between the rows of c stays.
  std::vector<double> expected(bool add) const {
    std::vector<double> out(c.begin(), c.end());
    for (std::int64_t i = 0; i < p.m; ++i)
      for (std::int64_t j = 0; j < p.n; ++j) {
        double sum = add ? c[i * p.ldc + j] : 0;
        for (std::int64_t l = 0; l < p.k; ++l)
          sum += double(a[p.a_transposed ? l * p.lda + i : i * p.lda + l]) *
                 double(b[p.b_transposed ? j * p.ldb + l : l * p.ldb + j]);
        out[i * p.ldc + j] = sum;
      }
    return out;
  }
  std::vector<T> a, b, c;
  dp::Product<T> p;
};

template <class T>
void compare(int m, int n, int k, double tolerance) {
  dp::ThreadPool one(1), three(3);
  for (int form = 0; form < 8; ++form) {
    const Case<T> c(m, n, k, form & 1, form & 2, (m + n + k) % 3);
    const bool add = form & 4;
    const std::vector<double> expected = c.expected(add);
    for (const dp::Target* target : dp::targets()) {
      const std::vector<T> found = c.run(add, {one, *target});
      for (std::size_t i = 0; i < found.size(); ++i) CHECK_NEAR(found[i], expected[i], tolerance);
      CHECK(c.run(add, {three, *target}) == found);
    }
  }
}

/// An element has the same bits whatever its row and column share a tile with.
void place_does_not_matter() {
  const Case<double> all(150, 61, 300, false, false, 0);
  dp::ThreadPool pool(1);
  for (const dp::Target* target : dp::targets()) {
    const std::vector<double> whole = all.run(false, {pool, *target});
    for (int i : {0, 5, 95, 96, 149})
      for (int j : {0, 23, 47, 48, 60}) {
        dp::Product<double> p = all.p;
        double value;
        p.m = p.n = 1, p.a += i * p.lda, p.b += j, p.c = &value;
        dp::gemm(p, {pool, *target});
        CHECK(value == whole[i * 61 + j]);
      }
  }
}

void bad_sizes() {
  dp::ThreadPool pool(1);
  const dp::Context context{pool, dp::find_target()};
  Case<double> c(2, 3, 4, false, false, 0);
  c.p.lda = 3;
  CHECK_THROWS(c.run(false, context), "expected rows of a at least 4 apart, found 3");
  c.p.lda = 4, c.p.n = -1;
  CHECK_THROWS(c.run(false, context), "expected sizes of 0 or more, found m = 2, n = -1, k = 4");
}

}  // namespace

TEST_MAIN(
    for (int m : {0, 1, 3, 4, 5, 8, 9, 17, 31})
      for (int n : {0, 1, 2, 7, 8, 15, 16, 17, 24, 25, 33, 48, 49, 55})
        for (int k : {0, 1, 2, 5, 16}) {
          compare<double>(m, n, k, 1e-13);
          compare<float>(m, n, k, 1e-4);
        }
    for (int k : {255, 256, 257, 520}) {
      compare<double>(13, 29, k, 1e-11);
      compare<float>(13, 29, k, 3e-3);
      compare<double>(130, 9, k, 1e-11);  // several tasks
    }
    place_does_not_matter();
    bad_sizes())
