// The fitting against plain loops, its gradient by every input and weight against differences of the plain loops, on
// every target; the same bits with any number of threads; outputs that nobody wants; what sizes must be.
#include "dp/fitting.h"

#include <functional>
#include <random>
#include <vector>

#include "check.h"

namespace {

/// One case: sizes, weights, rows and what the gradient is taken of.
template <class T>
struct Case {
  Case(std::vector<std::int64_t> counts, std::int64_t nframes, std::int64_t input, std::vector<std::int64_t> neuron,
       const char* activation, bool timestep)
      : rows{nframes, counts} {
    net.input = input, net.neuron = neuron, net.timestep = timestep;
    net.activation = dp::find_activation(activation);
    std::mt19937 random(1);
    std::normal_distribution<double> normal;
    const auto draw = [&](std::int64_t n, double scale) {
      std::vector<T> values(n);
      for (T& value : values) value = static_cast<T>(scale * normal(random));
      return values;
    };
    for (std::size_t t = 0; t < counts.size(); ++t)
      for (int k = 0; k <= net.layers(); ++k) {
        const std::int64_t in = net.fan_in(k), out = k == net.layers() ? 1 : net.neuron[k];
        arrays.push_back(draw(in * out, 1 / std::sqrt(in + 1.0)));
        arrays.push_back(draw(out, 1));
        arrays.push_back(draw(net.scaled(k) ? out : 0, 0.5));
      }
    x = draw(rows.total() * input, 1), v = draw(rows.total() * input, 1), g = draw(rows.total(), 1);
  }

  dp::FittingLayers<const T> weights() const { return layers<const T>(arrays); }
  template <class U, class Arrays>
  dp::FittingLayers<U> layers(Arrays& from) const {
    dp::FittingLayers<U> all;
    for (std::size_t i = 0; i < from.size(); i += 3)
      all.push_back({from[i].data(), from[i + 1].data(), from[i + 2].empty() ? nullptr : from[i + 2].data()});
    return all;
  }
  std::int64_t type_of(std::int64_t row) const {
    std::int64_t at = row % rows.nloc(), t = 0;
    for (; at >= rows.counts[t]; ++t) at -= rows.counts[t];
    return t;
  }

  dp::FittingNet net;
  dp::TypedRows rows;
  std::vector<std::vector<T>> arrays;
  std::vector<T> x, v, g;
};

/// Energy of a row and its derivative along that of `v`, by loops.
long double plain(const Case<double>& c, std::int64_t row, long double* along) {
  using Numbers = std::vector<long double>;
  dp::ThreadPool pool(1);
  const dp::Context context{pool, dp::find_target("baseline")};
  const std::int64_t d = c.net.input;
  Numbers h(c.x.begin() + row * d, c.x.begin() + (row + 1) * d);
  Numbers dot(c.v.begin() + row * d, c.v.begin() + (row + 1) * d);
  for (int k = 0; k <= c.net.layers(); ++k) {
    const std::size_t at = 3 * (c.type_of(row) * (c.net.layers() + 1) + k);
    const std::vector<double>&w = c.arrays[at], &b = c.arrays[at + 1], &idt = c.arrays[at + 2];
    Numbers out(b.size()), out_dot(b.size());
    for (std::size_t j = 0; j < b.size(); ++j) {
      long double z = b[j], zdot = 0;
      for (std::size_t i = 0; i < h.size(); ++i) z += h[i] * w[i * b.size() + j], zdot += dot[i] * w[i * b.size() + j];
      out[j] = z, out_dot[j] = zdot;
      if (k == c.net.layers()) continue;
      double argument = static_cast<double>(z), value, first, second;
      dp::activate<double>(c.net.activation, 1, &argument, &value, &first, &second, context);
      const double scale = idt.empty() ? 1 : idt[j];
      out[j] = value * scale + (c.net.skipped(k) ? h[j] : 0);
      out_dot[j] = first * zdot * scale + (c.net.skipped(k) ? dot[j] : 0);
    }
    h = out, dot = out_dot;
  }
  *along = dot[0];
  return h[0];
}

/// sum g E + Edot, whose gradient fitting_grad is.
long double loss(const Case<double>& c, bool tangent) {
  long double sum = 0;
  for (std::int64_t i = 0; i < c.rows.total(); ++i) {
    long double along;
    sum += c.g[i] * plain(c, i, &along);
    if (tangent) sum += along;
  }
  return sum;
}

template <class T>
struct Results {
  Results(const Case<T>& c, bool tangent, const dp::Context& context)
      : energy(c.rows.total(), T(NAN)), slope(c.x.size(), T(NAN)), saved(c.rows.total() * c.net.hidden(), T(NAN)),
        dx(c.x.size(), T(NAN)), darrays(c.arrays) {
    for (std::vector<T>& array : darrays) std::fill(array.begin(), array.end(), T(NAN));
    dp::fitting(c.net, c.rows, c.weights(), c.x.data(), energy.data(), slope.data(), saved.data(), context);
    dp::fitting_grad(c.net, c.rows, c.weights(), c.x.data(), saved.data(), c.g.data(), tangent ? c.v.data() : nullptr,
                     dx.data(), c.template layers<T>(darrays), context);
  }
  bool operator==(const Results& other) const {
    return energy == other.energy && slope == other.slope && dx == other.dx && darrays == other.darrays;
  }
  std::vector<T> energy, slope, saved, dx;
  std::vector<std::vector<T>> darrays;
};

/// Element `index` of the gradient by the array that `choose` picks, by differences.
void differences(Case<double> c, bool tangent, const std::function<std::vector<double>&(Case<double>&)>& choose,
                 const std::vector<double>& found) {
  constexpr double kStep = 1e-6;
  for (std::size_t i = 0; i < found.size(); i += 1 + found.size() / 7) {
    double& number = choose(c)[i];
    const double at = number;
    number = at + kStep;
    const long double up = loss(c, tangent);
    number = at - kStep;
    const long double down = loss(c, tangent);
    number = at;
    CHECK_NEAR(found[i], (up - down) / (2 * kStep), 1e-6);
  }
}

void compare(const Case<double>& c) {
  dp::ThreadPool one(1), three(3);
  for (const dp::Target* target : dp::targets()) {
    const Results<double> with(c, true, {one, *target}), without(c, false, {one, *target});
    CHECK(Results<double>(c, true, {three, *target}) == with);
    CHECK(Results<double>(c, false, {three, *target}) == without);
    for (std::int64_t i = 0; i < c.rows.total(); ++i) {
      long double along, product = 0;
      CHECK_NEAR(with.energy[i], plain(c, i, &along), 1e-12);
      for (std::int64_t j = i * c.net.input; j < (i + 1) * c.net.input; ++j) product += with.slope[j] * c.v[j];
      CHECK_NEAR(product, along, 1e-12);
    }
    for (const bool tangent : {true, false}) {
      const Results<double>& found = tangent ? with : without;
      differences(c, tangent, [](Case<double>& d) -> std::vector<double>& { return d.x; }, found.dx);
      for (std::size_t a = 0; a < c.arrays.size(); ++a)
        differences(c, tangent, [a](Case<double>& d) -> std::vector<double>& { return d.arrays[a]; }, found.darrays[a]);
    }
  }
}

/// Single precision is near double precision.
void single(const Case<double>& c, const Case<float>& f) {
  dp::ThreadPool pool(1);
  for (const dp::Target* target : dp::targets()) {
    const Results<double> expected(c, true, {pool, *target});
    const Results<float> found(f, true, {pool, *target});
    for (std::size_t i = 0; i < expected.energy.size(); ++i) CHECK_NEAR(found.energy[i], expected.energy[i], 1e-4);
    for (std::size_t i = 0; i < expected.dx.size(); ++i) CHECK_NEAR(found.dx[i], expected.dx[i], 1e-3);
    for (std::size_t a = 0; a < c.arrays.size(); ++a)
      for (std::size_t i = 0; i < c.arrays[a].size(); ++i)
        CHECK_NEAR(found.darrays[a][i], expected.darrays[a][i], 1e-3 * (1 + std::abs(expected.darrays[a][i])));
  }
}

/// Each output has the same bits when the others are not wanted.
void alone() {
  const Case<double> c({40, 3}, 2, 9, {8, 8}, "tanh", true);
  dp::ThreadPool pool(2);
  const dp::Context context{pool, dp::find_target()};
  const Results<double> all(c, true, context);
  std::vector<double> energy(all.energy.size()), slope(all.slope.size()), dx(all.dx.size());
  const auto fitting = [&](double* e, double* s) {
    dp::fitting<double>(c.net, c.rows, c.weights(), c.x.data(), e, s, nullptr, context);
  };
  fitting(energy.data(), nullptr), fitting(nullptr, slope.data()), fitting(nullptr, nullptr);
  CHECK(energy == all.energy && slope == all.slope);
  const dp::FittingLayers<double> none(c.arrays.size() / 3);
  dp::fitting_grad(c.net, c.rows, c.weights(), c.x.data(), all.saved.data(), c.g.data(), c.v.data(), dx.data(), none,
                   context);
  CHECK(dx == all.dx);
  std::vector<std::vector<double>> darrays = c.arrays;
  dp::fitting_grad<double>(c.net, c.rows, c.weights(), c.x.data(), all.saved.data(), c.g.data(), c.v.data(), nullptr,
                           c.layers<double>(darrays), context);
  CHECK(darrays == all.darrays);
}

void bad_sizes() {
  Case<double> c({2, 1}, 1, 3, {4}, "tanh", true);
  dp::ThreadPool pool(1);
  const dp::Context context{pool, dp::find_target()};
  const auto run = [&] { Results<double>(c, true, context); };
  c.arrays.resize(3);
  CHECK_THROWS(run(), "layers of the fitting: expected 4 for 2 types, found 1");
  c.rows.counts = {2, -1};
  CHECK_THROWS(run(), "atoms of a type: expected at least 0, found -1");
  c.net.neuron = {0};
  CHECK_THROWS(run(), "neuron: expected at least 1, found 0");
  c.net.neuron = {};
  CHECK_THROWS(run(), "number of hidden layers: expected at least 1, found 0");
}

}  // namespace

TEST_MAIN(
    for (const char* activation : {"tanh", "gelu", "relu", "relu6", "softplus", "sigmoid", "silu", "silut", "linear"})
      compare({{2, 3}, 2, 3, {5, 5, 4}, activation, true});
    compare({{2, 0, 3}, 1, 9, {9, 9, 9}, "tanh", true});
    compare({{1}, 1, 3, {3, 3}, "tanh", false});
    compare({{37, 3}, 1, 10, {17, 17}, "tanh", true});
    compare({{0, 0}, 2, 3, {2}, "tanh", true});
    compare({{2}, 0, 3, {2}, "tanh", true});
    compare({{3}, 1, 0, {2}, "tanh", true});
    single({{5, 8}, 3, 30, {20, 20, 7}, "tanh", true}, {{5, 8}, 3, 30, {20, 20, 7}, "tanh", true});
    alone();
    bad_sizes())
