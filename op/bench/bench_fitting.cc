// Networks: GFLOP/s of matrix products and of the fitting (1600 -> 240 -> 240 -> 240 -> 1) of 192 atoms of two types,
// and nanoseconds per element of the activations. On two threads the start of the second one is included.
#include <cstdio>
#include <random>
#include <vector>

#include "bench.h"
#include "dp/activation.h"
#include "dp/fitting.h"
#include "dp/gemm.h"

namespace {

template <class T>
std::vector<T> random_numbers(std::size_t n, double scale = 1) {
  std::mt19937 random(1);
  std::normal_distribution<double> normal(0, scale);
  std::vector<T> values(n);
  for (T& value : values) value = static_cast<T>(normal(random));
  return values;
}

template <class T>
struct Bench {
  const dp::Target& target;
  int threads;

  /// With the floating-point operations of the work.
  void show(const char* kernel, double operations, const std::function<void(const dp::Context&)>& work) const {
    dp::ThreadPool pool(threads);
    const double ns = nanoseconds([&] { work({pool, target}); });
    std::printf("%-9s float%-3d %d thread%s %-34s %8.2f ms %7.1f GFLOP/s\n", target.name, int(8 * sizeof(T)), threads,
                threads == 1 ? " " : "s", kernel, ns * 1e-6, operations / ns);
  }

  void product(const char* name, std::int64_t m, std::int64_t n, std::int64_t k, bool at, bool bt) const {
    const std::vector<T> a = random_numbers<T>(m * k), b = random_numbers<T>(k * n);
    std::vector<T> c(m * n);
    const dp::Product<T> p{m, n, k, a.data(), b.data(), c.data(), at ? m : k, bt ? k : n, n, at, bt, false};
    show(name, 2.0 * m * n * k, [&](const dp::Context& context) { dp::gemm(p, context); });
  }

  void fitting() const {
    const dp::FittingNet net{1600, {240, 240, 240}, dp::find_activation("tanh"), true};
    const dp::TypedRows rows{1, {64, 128}};
    const std::int64_t n = rows.total();
    const std::vector<T> w = random_numbers<T>(1600 * 240, 0.03), x = random_numbers<T>(n * 1600);
    std::vector<T> energy(n), slope(n * 1600), saved(n * net.hidden()), dx(slope), dw(8 * 3 * w.size());
    dp::FittingLayers<const T> layers;
    dp::FittingLayers<T> gradients;
    for (int k = 0; k < 8; ++k) {
      T* at = dw.data() + 3 * k * w.size();
      layers.push_back({w.data(), w.data(), w.data()});
      gradients.push_back({at, at + w.size(), at + 2 * w.size()});
    }
    const double one = 2.0 * n * (1600 * 240 + 2 * 240 * 240);
    show("fitting: energy", one, [&](const dp::Context& context) {
      dp::fitting<T>(net, rows, layers, x.data(), energy.data(), nullptr, nullptr, context);
    });
    show("fitting: energy, slope", 2 * one, [&](const dp::Context& context) {
      dp::fitting(net, rows, layers, x.data(), energy.data(), slope.data(), saved.data(), context);
    });
    // Tangents, backward for values and (but for the first layer) tangents, and two products for each matrix.
    show("fitting: gradient of both", 5 * one - 2.0 * n * 1600 * 240, [&](const dp::Context& context) {
      dp::fitting_grad(net, rows, layers, x.data(), saved.data(), energy.data(), slope.data(), dx.data(), gradients,
                       context);
    });
    show("fitting: gradient of energy", 2 * one, [&](const dp::Context& context) {
      dp::fitting_grad<T>(net, rows, layers, x.data(), saved.data(), energy.data(), nullptr, dx.data(), gradients,
                          context);
    });
  }

  void activations() const {
    constexpr int kLength = 240 * 192;
    const std::vector<T> x = random_numbers<T>(kLength, 2);
    std::vector<T> value(x), first(x), second(x);
    dp::ThreadPool pool(1);
    for (const char* name : {"tanh", "gelu", "relu", "softplus", "sigmoid", "silu", "silut"}) {
      const dp::Activation f = dp::find_activation(name);
      double ns[3];
      for (int order = 0; order < 3; ++order)
        ns[order] = nanoseconds([&] {
          dp::activate<T>(f, kLength, x.data(), value.data(), order > 0 ? first.data() : nullptr,
                          order > 1 ? second.data() : nullptr, {pool, target});
        });
      std::printf("%-9s float%-3d %-10s value %5.2f, with first %5.2f, with second derivative %5.2f ns/element\n",
                  target.name, int(8 * sizeof(T)), name, ns[0] / kLength, ns[1] / kLength, ns[2] / kLength);
    }
  }

  void all() const {
    product("product 192x1600 1600x240", 192, 240, 1600, false, false);
    product("product 192x240 (1600x240)^T", 192, 1600, 240, false, true);
    product("product (192x1600)^T 192x240", 1600, 240, 192, true, false);
    product("product 1000x1000 1000x1000", 1000, 1000, 1000, false, false);
    fitting();
    if (threads == 1) activations();
  }
};

}  // namespace

void bench_fitting(const dp::Target& target) {
  for (const int threads : {1, 2}) {
    Bench<double>{target, threads}.all();
    Bench<float>{target, threads}.all();
  }
}
