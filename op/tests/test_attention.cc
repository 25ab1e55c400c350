// The attention against plain loops; its derivatives of both orders against finite differences of those loops; numbers
// of rows around the width of a register, no rows, no columns; the same bits with any number of threads.
#include "dp/attention.h"

#include <algorithm>
#include <random>
#include <vector>

#include "check.h"

namespace {

/// Rows of q, k, v, and behind them e and s, so that all are moved at once.
struct Arrays {
  Arrays(std::int64_t rows, std::int64_t width) : rows(rows), width(width), values(rows * (3 * width + 4)) {}
  template <class T>
  dp::AttentionRows<T> as(std::vector<T>& all) const {
    T* at = all.data();
    const std::int64_t n = 3 * rows * width;
    return {at, at + n, at + n + 3 * rows};
  }
  std::int64_t rows, width;
  std::vector<double> values;
};

struct Case {
  Case(const std::vector<std::int32_t>& offsets, std::int64_t width, int options)
      : offsets(offsets), x(offsets.back(), width), tangent(x), d_o(x.rows * width), d2_o(d_o),
        empty(offsets.size() - 1) {
    sizes.natoms = static_cast<std::int64_t>(empty.size());
    sizes.nrows = x.rows, sizes.width = width, sizes.scale = 0.7, sizes.floor = 0.3;
    sizes.normalize = options & 1, sizes.angular = options & 2, sizes.smooth = options & 4;
    sizes.off_diagonal = options & 8;
    std::mt19937 random(static_cast<unsigned>(width + 100 * options));
    std::normal_distribution<double> normal;
    for (std::vector<double>* array : {&x.values, &tangent.values, &d_o, &d2_o})
      for (double& value : *array) value = normal(random);
    double* s = x.as(x.values).s;
    for (std::int64_t i = 0; i < x.rows; ++i) s[i] = 0.5 + 0.4 * std::sin(s[i]);
    for (std::size_t a = 0; a < empty.size(); ++a) empty[a] = a % 3 == 0 ? 0 : 1e5 * static_cast<double>(a);
    for (std::int64_t j = 0; j < 3 * width && x.rows > 0; ++j) x.values[j] *= 1e-3;  // a row below the floor
  }

  double divisor(const double* row) const {
    if (!sizes.normalize) return 1;
    double square = 0;
    for (std::int64_t j = 0; j < sizes.width; ++j) square += row[j] * row[j];
    return std::sqrt(std::max(square, sizes.floor * sizes.floor));
  }

  /// Row m of an atom by the definition.
  void row(std::int64_t atom, std::int64_t m, const dp::AttentionRows<double>& in, double* o) const {
    const std::int64_t h = sizes.width;
    std::vector<double> weight;
    double sum = sizes.smooth ? empty[atom] * std::exp(-20.0) : 0;
    for (std::int64_t n = offsets[atom]; n < offsets[atom + 1]; ++n) {
      double logit = 0;
      const double *q = in.qkv + 3 * m * h, *k = in.qkv + (3 * n + 1) * h;
      for (std::int64_t j = 0; j < h; ++j) logit += q[j] * k[j];
      logit *= sizes.scale / (divisor(q) * divisor(k));
      if (sizes.smooth) logit = (logit + 20) * in.s[m] * in.s[n] - 20;
      weight.push_back(std::exp(logit));
      sum += weight.back();
    }
    for (std::int64_t n = offsets[atom]; n < offsets[atom + 1]; ++n) {
      double w = weight[n - offsets[atom]] / sum;
      if (sizes.smooth) w *= in.s[m] * in.s[n];
      const double *em = in.e + 3 * m, *en = in.e + 3 * n;
      if (sizes.angular) w *= em[0] * en[0] + em[1] * en[1] + em[2] * en[2];
      if (sizes.off_diagonal && m == n) w = 0;
      const double* v = in.qkv + (3 * n + 2) * h;
      for (std::int64_t j = 0; j < h; ++j) o[m * h + j] += w * v[j] / divisor(v);
    }
  }

  std::vector<double> by_definition(std::vector<double> values) const {
    std::vector<double> o(sizes.nrows * sizes.width);
    for (std::int64_t a = 0; a < sizes.natoms; ++a)
      for (std::int64_t m = offsets[a]; m < offsets[a + 1]; ++m) row(a, m, x.as(values), o.data());
    return o;
  }

  /// The values moved by `step` along the tangent.
  std::vector<double> moved(double step) const {
    std::vector<double> values = x.values;
    for (std::size_t i = 0; i < values.size(); ++i) values[i] += step * tangent.values[i];
    return values;
  }

  dp::Attention sizes;
  std::vector<std::int32_t> offsets;
  Arrays x, tangent;
  std::vector<double> d_o, d2_o, empty;
};

template <class T>
struct Results {
  Results(const Case& c, const std::vector<double>& values, const dp::Context& context)
      : o(c.d_o.size(), T(NAN)), grad(values.size(), T(NAN)), dd_o(o), second(grad) {
    std::vector<T> x(values.begin(), values.end()), t(c.tangent.values.begin(), c.tangent.values.end());
    const std::vector<T> d(c.d_o.begin(), c.d_o.end()), d2(c.d2_o.begin(), c.d2_o.end());
    const std::vector<T> empty(c.empty.begin(), c.empty.end());
    const auto constant = [](const dp::AttentionRows<T>& r) {
      return dp::AttentionRows<const T>{r.qkv, r.e, r.s};
    };
    const dp::AttentionInput<T> in{constant(c.x.as(x)), empty.data(), c.offsets.data()};
    std::vector<T> qk(dp::attention_pairs<T>(c.sizes, in.offsets), T(NAN)), dov(qk), left(qk), right(qk);
    dp::attention(c.sizes, in, o.data(), qk.data(), context);
    dp::attention_grad(c.sizes, in, qk.data(), d.data(), c.x.as(grad), dov.data(), context);
    dp::attention_tangent(c.sizes, in, qk.data(), constant(c.x.as(t)), dd_o.data(), left.data(), right.data(), context);
    const dp::AttentionKept<T> kept{qk.data(), dov.data(), left.data(), right.data()};
    dp::attention_second(c.sizes, in, kept, d.data(), d2.data(), constant(c.x.as(t)), c.x.as(second), context);
    // What is null is left out and changes nothing else.
    std::vector<T> alone(o.size());
    dp::attention<T>(c.sizes, in, alone.data(), nullptr, context);
    CHECK(alone == o);
    dp::attention_tangent<T>(c.sizes, in, qk.data(), constant(c.x.as(t)), alone.data(), nullptr, nullptr, context);
    CHECK(alone == dd_o);
    std::vector<T> only(values.size(), T(NAN));
    dp::attention_grad<T>(c.sizes, in, qk.data(), d.data(), c.x.as(only), nullptr, context);
    CHECK(only == grad);
  }
  std::vector<T> o, grad, dd_o, second;
};

template <class T>
void near(const std::vector<T>& found, const std::vector<double>& expected, double tolerance) {
  CHECK(found.size() == expected.size());
  double size = 1;
  for (const double value : expected) size = std::max(size, std::abs(value));
  for (std::size_t k = 0; k < expected.size(); ++k) CHECK_NEAR(found[k], expected[k], tolerance * size);
}

double sum_of(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t k = 0; k < a.size(); ++k) sum += a[k] * b[k];
  return sum;
}

std::vector<double> slope(const std::vector<double>& up, const std::vector<double>& down, double step) {
  std::vector<double> out(up.size());
  for (std::size_t k = 0; k < up.size(); ++k) out[k] = (up[k] - down[k]) / (2 * step);
  return out;
}

/// First order element by element; second order as the slope of the first along the tangent, and a first beside it.
void derivatives(const Case& c, const dp::Context& context) {
  const double step = 1e-6;
  const Results<double> found(c, c.x.values, context);
  std::vector<double> expected;
  for (std::size_t k = 0; k < c.x.values.size(); ++k) {
    double sides[2];
    for (int side = 0; side < 2; ++side) {
      std::vector<double> values = c.x.values;
      values[k] += side == 0 ? step : -step;
      sides[side] = sum_of(c.d_o, c.by_definition(values));
    }
    expected.push_back((sides[0] - sides[1]) / (2 * step));
  }
  near(found.grad, expected, 1e-7);
  const Results<double> up(c, c.moved(step), context), down(c, c.moved(-step), context);
  near(found.dd_o, slope(up.o, down.o, step), 1e-7);
  Case other(c);
  other.d_o = c.d2_o;
  std::vector<double> second = slope(up.grad, down.grad, step);
  const Results<double> beside(other, c.x.values, context);
  for (std::size_t k = 0; k < second.size(); ++k) second[k] += beside.grad[k];
  near(found.second, second, 1e-7);
}

void compare(const std::vector<std::int32_t>& offsets, std::int64_t width, int options) {
  const Case c(offsets, width, options);
  const std::vector<double> expected = c.by_definition(c.x.values);
  dp::ThreadPool one(1), three(3);
  const Results<double> base(c, c.x.values, {one, dp::find_target("baseline")});
  for (const dp::Target* target : dp::targets()) {
    const Results<double> found(c, c.x.values, {one, *target}), again(c, c.x.values, {three, *target});
    const Results<float> single(c, c.x.values, {three, *target});
    near(found.o, expected, 1e-13), near(single.o, expected, 2e-5);
    near(found.grad, base.grad, 1e-12), near(single.grad, base.grad, 2e-4);
    near(found.dd_o, base.dd_o, 1e-12), near(single.dd_o, base.dd_o, 2e-4);
    near(found.second, base.second, 1e-12), near(single.second, base.second, 2e-3);
    CHECK(found.o == again.o && found.grad == again.grad);
    CHECK(found.dd_o == again.dd_o && found.second == again.second);
  }
}

void bad_input() {
  dp::ThreadPool pool(1);
  const auto run = [&](const auto& change) {
    Case c({0, 2, 5}, 3, 7);
    change(c);
    Results<double>(c, c.x.values, {pool, dp::find_target()});
  };
  CHECK_THROWS(run([](Case& c) { c.offsets[0] = 1; }), "offsets[0]: expected 0, found 1");
  CHECK_THROWS(run([](Case& c) { c.offsets[1] = 6; }), "offsets[2]: expected at least the one before, 6, found 5");
  CHECK_THROWS(run([](Case& c) { c.offsets[2] = 4; }), "expected the last to be the number of rows 5, found 4");
  CHECK_THROWS(run([](Case& c) { c.empty[1] = -1; }), "empty[1]: expected 0 or more, found -1");
  CHECK_THROWS(run([](Case& c) { c.sizes.floor = -1; }), "floor: expected 0 or more, found -1");
  CHECK_THROWS(run([](Case& c) { c.sizes.scale = NAN; }), "scale: expected a finite number, found nan");
  CHECK_THROWS(run([](Case& c) { c.sizes.width = -1; }), "found 2 atoms of 5 rows of -1");
}

/// Without a floor a row of zeros stays one, and its derivatives are zeros, not NaN.
void rows_of_zeros() {
  Case c({0, 3}, 4, 15);
  c.sizes.floor = 0;
  std::fill_n(c.x.values.begin(), 12, 0.0);
  dp::ThreadPool pool(1);
  const Results<double> found(c, c.x.values, {pool, dp::find_target()});
  for (int j = 0; j < 12; ++j) CHECK(found.grad[j] == 0 && found.second[j] == 0);
  for (const double value : found.second) CHECK(std::isfinite(value));
}

/// Logits of thousands overflow nothing, as long as the largest is taken off.
void large_logits() {
  Case c({0, 9}, 4, 0);
  c.sizes.scale = 5000;
  dp::ThreadPool pool(1);
  const Results<double> found(c, c.x.values, {pool, dp::find_target()});
  for (const double value : found.o) CHECK(std::isfinite(value));
}

}  // namespace

TEST_MAIN(
    dp::ThreadPool pool(1);
    for (int options = 0; options < 16; ++options) {
      const Case ragged({0, 0, 1, 4, 13, 13}, 3, options);
      for (const dp::Target* target : dp::targets()) derivatives(ragged, {pool, *target});
      compare({0, 0, 1, 3, 20, 37, 37}, 17, options);
    }
    for (int n = 0; n < 35; ++n) compare({0, n, 2 * n, 2 * n + 1}, n % 2 == 0 ? 8 : 5, 15);
    for (int width : {0, 1, 7, 8, 31, 64, 130}) compare({0, 9, 21}, width, 15);
    compare({0, 300}, 16, 15);  // more rows than one stretch of a product
    compare({0}, 5, 15);
    compare({0, 0, 0}, 5, 15);
    rows_of_zeros();
    large_logits();
    bad_input())
