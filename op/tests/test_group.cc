// Ragged contractions against plain loops, of every width and with empty groups; the same bits on every target and with
// any number of threads; what offsets must be.
#include "dp/group.h"

#include <random>
#include <vector>

#include "check.h"

namespace {

template <class T>
struct Case {
  Case(const std::vector<std::int32_t>& offsets, int width)
      : sizes{static_cast<std::int64_t>(offsets.size()) - 1, offsets.back(), width}, offsets(offsets) {
    std::mt19937 random(width);
    std::normal_distribution<double> normal;
    const auto draw = [&](std::size_t n) {
      std::vector<T> values(n);
      for (T& value : values) value = static_cast<T>(normal(random));
      return values;
    };
    env = draw(4 * sizes.nrows), feature = draw(sizes.nrows * width), x = draw(4 * sizes.ngroups * width);
  }
  dp::Groups sizes;
  std::vector<std::int32_t> offsets;
  std::vector<T> env, feature, x;
};

template <class T>
struct Results {
  /// By the kernels; what they must overwrite is not a number before.
  Results(const Case<T>& c, const dp::Context& context)
      : x(c.x.size(), T(NAN)), feature(c.feature.size(), T(NAN)), env(c.env.size(), T(NAN)) {
    dp::group_outer(c.sizes, c.env.data(), c.feature.data(), c.offsets.data(), x.data(), context);
    dp::group_spread(c.sizes, c.env.data(), c.x.data(), c.offsets.data(), feature.data(), context);
    dp::group_dot(c.sizes, c.feature.data(), c.x.data(), c.offsets.data(), env.data(), context);
  }

  /// By the definition.
  explicit Results(const Case<T>& c) : x(c.x.size()), feature(c.feature.size()), env(c.env.size()) {
    const std::int64_t m = c.sizes.width;
    for (std::int64_t i = 0; i < c.sizes.ngroups; ++i)
      for (std::int64_t j = c.offsets[i]; j < c.offsets[i + 1]; ++j)
        for (int a = 0; a < 4; ++a)
          for (std::int64_t k = 0; k < m; ++k) {
            x[(4 * i + a) * m + k] += c.env[4 * j + a] * c.feature[j * m + k];
            feature[j * m + k] += c.env[4 * j + a] * c.x[(4 * i + a) * m + k];
            env[4 * j + a] += c.feature[j * m + k] * c.x[(4 * i + a) * m + k];
          }
  }
  std::vector<T> x, feature, env;
};

template <class T>
void near(const std::vector<T>& found, const std::vector<T>& expected, double tolerance) {
  CHECK(found.size() == expected.size());
  for (std::size_t k = 0; k < expected.size(); ++k) CHECK_NEAR(found[k], expected[k], tolerance);
}

template <class T>
void compare(const std::vector<std::int32_t>& offsets, int width, double tolerance) {
  const Case<T> c(offsets, width);
  const Results<T> expected(c);
  dp::ThreadPool one(1), three(3);
  const Results<T> base(c, {one, dp::find_target("baseline")});
  near(base.x, expected.x, tolerance);
  near(base.feature, expected.feature, tolerance);
  near(base.env, expected.env, tolerance);
  for (const dp::Target* target : dp::targets())
    for (dp::Pool* pool : {&one, &three}) {
      const Results<T> found(c, {*pool, *target});
      CHECK(found.x == base.x);
      CHECK(found.feature == base.feature);
      CHECK(found.env == base.env);
    }
}

void bad_offsets() {
  Case<double> c({0, 2, 5}, 3);
  dp::ThreadPool pool(1);
  const dp::Context context{pool, dp::find_target()};
  c.offsets = {1, 2, 5};
  CHECK_THROWS(Results<double>(c, context), "offsets[0]: expected 0, found 1");
  c.offsets = {0, 6, 5};
  CHECK_THROWS(Results<double>(c, context), "offsets[2]: expected at least the one before, 6, found 5");
  c.offsets = {0, 2, 4};
  CHECK_THROWS(Results<double>(c, context), "offsets: expected the last to be the number of rows 5, found 4");
  c.sizes.width = -1;
  CHECK_THROWS(Results<double>(c, context), "expected sizes of 0 or more, found 2 groups of 5 rows of -1");
}

}  // namespace

TEST_MAIN(
    const std::vector<std::int32_t> ragged = {0, 0, 3, 4, 4, 40, 57, 57};
    for (int width = 0; width < 68; ++width) {
      compare<double>(ragged, width, 1e-12);
      compare<float>(ragged, width, 1e-4);
    }
    std::vector<std::int32_t> many = {0};
    for (int i = 0; i < 100; ++i) many.push_back(many.back() + i % 31);  // several tasks
    compare<double>(many, 100, 1e-12);
    compare<float>(many, 100, 1e-3);
    compare<double>({0}, 5, 0);
    compare<double>({0, 0, 0}, 5, 0);
    compare<double>({0, 20}, 33, 1e-12);
    bad_offsets())
