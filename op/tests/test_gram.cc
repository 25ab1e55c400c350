// Products of columns against plain loops, of every width; the same bits on every target and with any number of threads.
#include "dp/gram.h"

#include <random>
#include <vector>

#include "check.h"

namespace {

template <class T>
std::vector<T> draw(std::size_t n, int seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal;
  std::vector<T> values(n);
  for (T& value : values) value = static_cast<T>(normal(random));
  return values;
}

template <class T>
struct Results {
  std::vector<T> d, pair, z;
};

template <class T>
Results<T> by_kernels(const dp::Gram& g, const std::vector<T>& x, const std::vector<T>& y, const std::vector<T>& d,
                      const dp::Context& context) {
  Results<T> r{std::vector<T>(d.size(), T(NAN)), std::vector<T>(d.size(), T(NAN)), std::vector<T>(x.size(), T(NAN))};
  dp::gram(g, x.data(), r.d.data(), context);
  dp::gram_pair(g, x.data(), y.data(), r.pair.data(), context);
  dp::gram_spread(g, d.data(), y.data(), r.z.data(), context);
  return r;
}

template <class T>
Results<T> by_definition(const dp::Gram& g, const std::vector<T>& x, const std::vector<T>& y,
                         const std::vector<T>& d) {
  Results<T> r{std::vector<T>(d.size()), std::vector<T>(d.size()), std::vector<T>(x.size())};
  const auto m = g.width, n = g.columns;
  for (std::int64_t i = 0; i < g.n; ++i)
    for (std::int64_t a = 0; a < 4; ++a)
      for (std::int64_t k = 0; k < m; ++k)
        for (std::int64_t l = 0; l < n; ++l) {
          const auto at_k = (4 * i + a) * m + k, at_l = (4 * i + a) * m + l, at = (i * m + k) * n + l;
          r.d[at] += x[at_k] * x[at_l];
          r.pair[at] += x[at_k] * y[at_l] + y[at_k] * x[at_l];
          r.z[at_k] += d[at] * y[at_l];
          r.z[at_l] += d[at] * y[at_k];
        }
  return r;
}

template <class T>
void near(const std::vector<T>& found, const std::vector<T>& expected) {
  for (std::size_t k = 0; k < expected.size(); ++k) CHECK_NEAR(found[k], expected[k], sizeof(T) == 8 ? 1e-12 : 1e-4);
}

template <class T>
void check_all(int n, int width, int columns) {
  const dp::Gram g{n, width, columns};
  const auto x = draw<T>(4 * n * width, 1), y = draw<T>(4 * n * width, 2), d = draw<T>(n * width * columns, 3);
  const auto expected = by_definition(g, x, y, d);
  dp::ThreadPool one(1), three(3);
  const auto first = by_kernels(g, x, y, d, {one, dp::find_target("baseline")});
  near(first.d, expected.d), near(first.pair, expected.pair), near(first.z, expected.z);
  for (const dp::Target* target : dp::targets())
    for (dp::ThreadPool* pool : {&one, &three}) {
      const auto found = by_kernels(g, x, y, d, {*pool, *target});
      CHECK(found.d == first.d && found.pair == first.pair && found.z == first.z);
    }
}

}  // namespace

TEST_MAIN(
    for (int width : {1, 2, 3, 5, 8, 13, 16, 31, 100})
      for (int columns : {1, 2, 3, 4, 7, 8, 9, 16, 17})
        if (columns <= width) check_all<double>(5, width, columns), check_all<float>(5, width, columns);
    check_all<double>(0, 4, 2);
    check_all<double>(70, 25, 16))
