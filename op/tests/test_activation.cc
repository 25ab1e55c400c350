// Activations and their two derivatives against long double formulas without cancellation, in units of the last place,
// from the smallest numbers to infinity; the same bits on every target and with any number of threads; names.
#include "dp/activation.h"

#include <limits>
#include <vector>

#include "check.h"

namespace {

using Real = long double;

struct Jet {
  Real value, first, second;
};

Real logistic(Real x) { return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x)); }

Jet logistic_jet(Real x) {
  const Real p = logistic(x), q = p * logistic(-x);
  return {p, q, -q * std::tanh(x / 2)};
}

Jet tanh_jet(Real x) {
  const Real t = std::tanh(x), first = 4 * logistic_jet(2 * x).first;
  return {t, first, -2 * t * first};
}

Jet gelu_jet(Real x) {
  const Real c = std::sqrt(8 / 3.14159265358979323846264338327950288L), b = 0.044715L;
  const Real dq = c * (1 + 3 * b * x * x), d2q = c * 6 * b * x;
  const Jet p = logistic_jet(c * (x + b * x * x * x));
  return {x * p.value, p.value + x * p.first * dq, 2 * p.first * dq + x * (p.second * dq * dq + p.first * d2q)};
}

Jet silu_jet(Real x) {
  const Jet p = logistic_jet(x);
  return {x * p.value, p.value + x * p.first, 2 * p.first + x * p.second};
}

Jet exact(const dp::Activation& f, Real x) {
  const Real one = x > 0;
  switch (f.kind) {
    case dp::Activation::kTanh: return tanh_jet(x);
    case dp::Activation::kGelu: return gelu_jet(x);
    case dp::Activation::kRelu: return {x < 0 ? 0 : x, one, 0};
    case dp::Activation::kRelu6: return {x < 0 ? 0 : std::min<Real>(x, 6), x < 6 ? one : 0, 0};
    case dp::Activation::kSoftplus: {
      const Jet p = logistic_jet(x);
      return {(x > 0 ? x : 0) + std::log1p(std::exp(-std::fabs(x))), p.value, p.first};
    }
    case dp::Activation::kSigmoid: return logistic_jet(x);
    case dp::Activation::kSilu: return silu_jet(x);
    case dp::Activation::kLinear: return {x, 1, 0};
    case dp::Activation::kSilut: break;
  }
  if (x < f.threshold) return silu_jet(x);
  const Jet at = silu_jet(f.threshold), t = tanh_jet(at.first * (x - f.threshold));
  return {t.value + at.value, at.first * t.first, at.first * at.first * t.second};
}

std::vector<double> arguments() {
  std::vector<double> x;
  for (int k = -20000; k <= 20000; ++k) x.push_back(k * 0.0017);
  for (double size = 1e-320; size < 1e6; size *= 1.37)
    for (double sign : {-1.0, 1.0}) x.push_back(sign * size);
  for (double edge : {0.34657359, 0.41421356, 0.69314718, 1.0986123, 353.9, 354.1, 707.9, 708.1, 745.2, 800.0})
    for (double sign : {-1.0, 1.0})
      for (double shift : {-1e-9, 0.0, 1e-9}) x.push_back(sign * (edge + shift));
  return x;
}

/// Largest error of order 0, 1 or 2 in units of the last place of the exact number; below `least` of an absolute one.
template <class T>
Real worst(const dp::Activation& f, int order, Real least, const dp::Context& context) {
  std::vector<T> x;
  for (double value : arguments()) x.push_back(static_cast<T>(value));
  std::vector<T> out[3] = {std::vector<T>(x.size()), std::vector<T>(x.size()), std::vector<T>(x.size())};
  dp::activate(f, static_cast<std::int64_t>(x.size()), x.data(), out[0].data(), out[1].data(), out[2].data(), context);
  Real error = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const Jet jet = exact(f, x[i]);
    const Real expected = order == 0 ? jet.value : order == 1 ? jet.first : jet.second;
    const Real unit = std::max(std::fabs(expected), least) * std::numeric_limits<T>::epsilon();
    error = std::max(error, std::fabs(out[order][i] - expected) / unit);
  }
  return error;
}

/// With limits for the error of each order. A unit is 2^-52 of the number, so one or two units in the last place; of
/// derivatives that have zeros it is 2^-52 of the larger of their terms.
void accuracy(const char* name, double value, double first, double second, bool zeros = false) {
  dp::ThreadPool pool(1);
  const dp::Context context{pool, dp::find_target("baseline")};
  const double limits[] = {value, first, second};
  const Real normal = std::numeric_limits<double>::min() / std::numeric_limits<double>::epsilon();
  for (int order = 0; order < 3; ++order) {
    const Real least = !zeros ? normal : order == 0 ? 0.01L : 1;
    const Real found = worst<double>(dp::find_activation(name), order, least, context);
    CHECK_NEAR(found, 0, limits[order]);
    CHECK_NEAR(worst<float>(dp::find_activation(name), order, zeros ? 1e-2L : 1e-30L, context), 0, 1);
  }
}

template <class T>
void ends_and_bits(const char* name) {
  const dp::Activation f = dp::find_activation(name);
  const T inf = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
  std::vector<T> x = {inf, -inf, nan, T(0), T(-0.0), std::numeric_limits<T>::max(), std::numeric_limits<T>::lowest()};
  for (double value : arguments()) x.push_back(static_cast<T>(value));
  const std::int64_t n = static_cast<std::int64_t>(x.size());
  dp::ThreadPool one(1), three(3);
  std::vector<T> base;
  for (const dp::Target* target : dp::targets())
    for (dp::Pool* pool : {&one, &three}) {
      std::vector<T> out(3 * n), less(n);
      const dp::Context context{*pool, *target};
      dp::activate<T>(f, n, x.data(), out.data(), out.data() + n, out.data() + 2 * n, context);
      dp::activate<T>(f, n, x.data(), less.data(), nullptr, nullptr, context);
      CHECK(std::isnan(out[2]) && std::isnan(less[2]));
      out[2] = out[2 + n] = out[2 + 2 * n] = less[2] = 0;
      CHECK(std::vector<T>(out.begin(), out.begin() + n) == less);
      if (base.empty()) base = out;
      CHECK(out == base);
    }
  for (int end = 0; end < 2; ++end) {
    const Jet jet = exact(f, end == 0 ? 1e4L : -1e4L);
    const bool grows = std::fabs(jet.value) > 100;
    CHECK(grows ? base[end] == x[end] : std::fabs(base[end] - jet.value) < 1e-6);
    CHECK(base[n + end] == std::round(jet.first));
    CHECK(base[2 * n + end] == 0);
  }
}

void names() {
  CHECK(dp::find_activation("silut:1.5").threshold == 1.5);
  CHECK(dp::find_activation("silut").threshold == 3);
  for (const char* name : {"tahn", "silut:", "silut:x", "silut:-1", "silut:2x", ""})
    CHECK_THROWS(dp::find_activation(name), "silut:TH with TH > 0, found '");
}

}  // namespace

TEST_MAIN(
    accuracy("tanh", 2, 6, 11);
    accuracy("sigmoid", 2, 4, 6);
    accuracy("softplus", 2, 2, 4);
    accuracy("relu", 0, 0, 0);
    accuracy("relu6", 0, 0, 0);
    accuracy("linear", 0, 0, 0);
    accuracy("silu", 2, 2, 3, true);
    accuracy("silut", 2, 3, 4, true);
    accuracy("silut:1.5", 2, 3, 4, true);
    accuracy("gelu", 7, 3, 5, true);
    for (const char* name : {"tanh", "gelu", "relu", "relu6", "softplus", "sigmoid", "silu", "silut", "linear"}) {
      ends_and_bits<double>(name);
      ends_and_bits<float>(name);
    }
    names())
