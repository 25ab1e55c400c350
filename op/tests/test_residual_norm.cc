// The residual norm against plain loops; its derivatives of both orders against finite differences of those loops; rows
// of every width around a register, several tasks; the same bits with any number of threads.
#include "dp/residual_norm.h"

#include <algorithm>
#include <random>
#include <vector>

#include "check.h"

namespace {

using Array = std::vector<double>;

struct Case {
  Case(std::int64_t nrows, std::int64_t width) : sizes{nrows, width, 1e-3} {
    std::mt19937 random(static_cast<unsigned>(nrows + 1000 * width));
    std::normal_distribution<double> normal;
    const auto draw = [&](std::int64_t n) {
      Array values(n);
      for (double& value : values) value = normal(random);
      return values;
    };
    const std::int64_t all = nrows * width;
    x = draw(all), o = draw(all), dy = draw(all), t = draw(all);
    gamma = draw(width), beta = draw(width), tgamma = draw(width), tbeta = draw(width);
  }

  Array by_definition() const {
    Array y(x.size());
    const std::int64_t m = sizes.width;
    for (std::int64_t i = 0; i < sizes.nrows; ++i) {
      double mean = 0, variance = 0;
      for (std::int64_t j = i * m; j < (i + 1) * m; ++j) mean += (x[j] + o[j]) / static_cast<double>(m);
      for (std::int64_t j = i * m; j < (i + 1) * m; ++j)
        variance += (x[j] + o[j] - mean) * (x[j] + o[j] - mean) / static_cast<double>(m);
      for (std::int64_t j = 0; j < m; ++j)
        y[i * m + j] = gamma[j] * (x[i * m + j] + o[i * m + j] - mean) / std::sqrt(variance + sizes.eps) + beta[j];
    }
    return y;
  }

  /// Every array moved along its tangent, that of the sum by x alone.
  Case moved(double step) const {
    Case c = *this;
    for (std::size_t k = 0; k < x.size(); ++k) c.x[k] += step * t[k];
    for (std::size_t k = 0; k < gamma.size(); ++k) c.gamma[k] += step * tgamma[k], c.beta[k] += step * tbeta[k];
    return c;
  }

  dp::ResidualNorm sizes;
  Array x, o, dy, t, gamma, beta, tgamma, tbeta;
};

template <class T>
struct Results {
  Results(const Case& c, const dp::Context& context)
      : y(c.x.size(), T(NAN)), dz(y), ddy(y), second_dz(y), dgamma(c.gamma.size(), T(NAN)), dbeta(dgamma),
        second_dgamma(dgamma) {
    const auto as = [](const Array& a) { return std::vector<T>(a.begin(), a.end()); };
    const std::vector<T> x = as(c.x), o = as(c.o), dy = as(c.dy), t = as(c.t), gamma = as(c.gamma), beta = as(c.beta),
                         tgamma = as(c.tgamma), tbeta = as(c.tbeta);
    dp::residual_norm(c.sizes, x.data(), o.data(), gamma.data(), beta.data(), y.data(), context);
    dp::residual_norm_grad(c.sizes, x.data(), o.data(), gamma.data(), dy.data(), dz.data(), dgamma.data(), dbeta.data(),
                           context);
    const dp::NormTangent<T> in{x.data(), o.data(), gamma.data(), dy.data(), t.data(), tgamma.data(), tbeta.data()};
    dp::residual_norm_grad_grad(c.sizes, in, ddy.data(), second_dz.data(), second_dgamma.data(), context);
  }
  std::vector<T> y, dz, ddy, second_dz, dgamma, dbeta, second_dgamma;
};

template <class T>
void near(const std::vector<T>& found, const Array& expected, double tolerance) {
  CHECK(found.size() == expected.size());
  double size = 1;
  for (const double value : expected) size = std::max(size, std::abs(value));
  for (std::size_t k = 0; k < expected.size(); ++k) CHECK_NEAR(found[k], expected[k], tolerance * size);
}

Array slope(const Array& up, const Array& down, double step) {
  Array out(up.size());
  for (std::size_t k = 0; k < up.size(); ++k) out[k] = (up[k] - down[k]) / (2 * step);
  return out;
}

Array by_element(const Case& c, Array Case::*array) {
  const double step = 1e-6;
  Array out;
  for (std::size_t k = 0; k < (c.*array).size(); ++k) {
    Array sides[2];
    for (int side = 0; side < 2; ++side) {
      Case moved = c;
      (moved.*array)[k] += side == 0 ? step : -step;
      sides[side] = moved.by_definition();
    }
    double sum = 0;
    for (std::size_t i = 0; i < c.dy.size(); ++i) sum += c.dy[i] * (sides[0][i] - sides[1][i]) / (2 * step);
    out.push_back(sum);
  }
  return out;
}

void derivatives(const Case& c, const dp::Context& context) {
  const double step = 1e-6;
  const Results<double> found(c, context), up(c.moved(step), context), down(c.moved(-step), context);
  near(found.dz, by_element(c, &Case::x), 1e-7);
  near(found.dgamma, by_element(c, &Case::gamma), 1e-7);
  near(found.dbeta, by_element(c, &Case::beta), 1e-7);
  near(found.ddy, slope(up.y, down.y, step), 1e-7);
  near(found.second_dz, slope(up.dz, down.dz, step), 1e-7);
  near(found.second_dgamma, slope(up.dgamma, down.dgamma, step), 1e-7);
}

void compare(std::int64_t nrows, std::int64_t width) {
  const Case c(nrows, width);
  dp::ThreadPool one(1), three(3);
  const Results<double> base(c, {one, dp::find_target("baseline")});
  near(base.y, c.by_definition(), 1e-13);
  for (const dp::Target* target : dp::targets())
    for (dp::Pool* pool : {&one, &three}) {
      const Results<double> found(c, {*pool, *target});
      CHECK(found.y == base.y && found.dz == base.dz && found.dgamma == base.dgamma && found.dbeta == base.dbeta);
      CHECK(found.ddy == base.ddy && found.second_dz == base.second_dz && found.second_dgamma == base.second_dgamma);
      const Results<float> single(c, {*pool, *target});
      near(single.y, base.y, 1e-5), near(single.dz, base.dz, 1e-4), near(single.dgamma, base.dgamma, 1e-4);
      near(single.ddy, base.ddy, 1e-4), near(single.second_dz, base.second_dz, 1e-3);
    }
}

void bad_input() {
  dp::ThreadPool pool(1);
  const auto run = [&](const dp::ResidualNorm& sizes) {
    Case c(2, 3);
    c.sizes = sizes;
    Results<double>(c, {pool, dp::find_target()});
  };
  CHECK_THROWS(run({-1, 3, 0}), "expected sizes of 0 or more, found -1 rows of 3");
  CHECK_THROWS(run({2, -3, 0}), "expected sizes of 0 or more, found 2 rows of -3");
  CHECK_THROWS(run({2, 3, -1}), "eps: expected 0 or more, found -1");
}

}  // namespace

TEST_MAIN(
    dp::ThreadPool pool(1);
    for (const dp::Target* target : dp::targets())
      for (int width : {2, 3, 9, 20}) derivatives(Case(5, width), {pool, *target});
    for (int width = 2; width < 36; ++width) compare(7, width);
    compare(600, 10);  // several tasks
    compare(3, 128);
    compare(0, 5);
    compare(3, 0);
    compare(0, 0);
    bad_input())
