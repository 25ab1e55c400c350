// The linear layer: against plain loops on every target, for every width; the same bits with any number of threads.
#include <random>
#include <vector>

#include "check.h"
#include "dp/linear.h"
#include "sums.h"

namespace {

template <class T>
struct Results {
  Results(std::int64_t rows, std::int64_t fan_in, std::int64_t width)
      : y(rows * width), dx(rows * fan_in), dw(fan_in * width), db(width) {}
  bool operator==(const Results& o) const { return y == o.y && dx == o.dx && dw == o.dw && db == o.db; }
  std::vector<T> y, dx, dw, db;
};

template <class T>
void compare(std::int64_t rows, std::int64_t fan_in, std::int64_t width, double tolerance) {
  std::mt19937 random(rows + 3 * width);
  std::uniform_real_distribution<double> uniform(-1, 1);
  const auto draw = [&](std::int64_t n) {
    std::vector<T> values(n);
    for (T& value : values) value = static_cast<T>(uniform(random));
    return values;
  };
  const std::vector<T> x = draw(rows * fan_in), w = draw(fan_in * width), b = draw(width), dy = draw(rows * width);
  Results<T> expected(rows, fan_in, width);
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t j = 0; j < width; ++j) {
      expected.y[r * width + j] = b[j], expected.db[j] += dy[r * width + j];
      for (std::int64_t k = 0; k < fan_in; ++k) {
        expected.y[r * width + j] += x[r * fan_in + k] * w[k * width + j];
        expected.dx[r * fan_in + k] += dy[r * width + j] * w[k * width + j];
        expected.dw[k * width + j] += x[r * fan_in + k] * dy[r * width + j];
      }
    }
  dp::ThreadPool one(1), three(3);
  const dp::Linear sizes{rows, fan_in, width};
  for (const dp::Target* target : dp::targets()) {
    const auto run = [&](dp::Pool& pool, bool dw, bool db) {
      const dp::Context context{pool, *target};
      Results<T> found(rows, fan_in, width);
      dp::linear(sizes, x.data(), w.data(), b.data(), found.y.data(), context);
      dp::linear_back(sizes, dy.data(), w.data(), found.dx.data(), context);
      dp::linear_outer(sizes, x.data(), dy.data(), dw ? found.dw.data() : nullptr, db ? found.db.data() : nullptr,
                       context);
      return found;
    };
    const Results<T> found = run(one, true, true);
    near(found.y, expected.y, tolerance);
    near(found.dx, expected.dx, tolerance);
    near(found.dw, expected.dw, 10 * tolerance);
    near(found.db, expected.db, 10 * tolerance);
    CHECK(run(three, true, true) == found);
    CHECK(run(one, true, false).dw == found.dw);
    CHECK(run(one, false, true).db == found.db);
  }
}

void refusals() {
  dp::ThreadPool pool(1);
  CHECK_THROWS(dp::linear<double>({-1, 2, 3}, nullptr, nullptr, nullptr, nullptr, {pool, dp::find_target()}),
               "expected sizes of 0 or more, found -1 rows, 2 times 3");
}

}  // namespace

TEST_MAIN(
    for (int n = 0; n < 28; ++n) {
      compare<double>(19, n, 28 - n, 1e-13);
      compare<float>(19, n, 28 - n, 1e-5);
    }
    compare<double>(1700, 10, 38, 1e-13);
    compare<float>(1700, 10, 38, 1e-5);
    compare<double>(0, 3, 4, 0);
    refusals())
