// Tabulated embedding nets of compressed models: nanoseconds per real neighbour on one thread. 192 atoms with 60
// neighbours of one type in 92 slots, at random places from 1 to 6 Angstrom, as in water; the usual steps of a table.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <random>
#include <vector>

#include "bench.h"
#include "dp/tabulate.h"

namespace {

constexpr int kAtoms = 192, kSlots = 92, kFound = 60, kTableRows = 1360;

template <class T>
void bench(const dp::Target& target, const char* precision, int width) {
  std::mt19937 random(1);
  std::uniform_real_distribution<double> uniform;
  std::vector<T> x, em;
  for (int i = 0; i < kAtoms; ++i) {
    std::vector<double> near;
    while (near.size() < kFound) near.push_back(std::cbrt(1 + 215 * uniform(random)));
    std::sort(near.begin(), near.end());
    for (int j = 0; j < kSlots; ++j) {
      const double u = j < kFound ? (near[j] - 0.5) / 5.5 : 1, r = j < kFound ? near[j] : 6;
      x.push_back(static_cast<T>(((u * u * u * (-6 * u * u + 15 * u - 10) + 1) / r - 0.06) / 0.11));
      for (int c = 0; c < 4; ++c) em.push_back(c == 0 ? x.back() : j < kFound ? T(0.5) : T(0));
    }
  }
  const std::vector<T> coefficients(std::size_t(6) * kTableRows * width, T(0.25));
  const dp::PolynomialTable<T> table{coefficients.data(), kTableRows, width, -1, 9, 45, T(0.01), T(0.1), false};
  const std::size_t sums = std::size_t(4) * kAtoms * width;
  std::vector<T> out(sums), dx(x), dem(em), values(x.size() * width), dz_dy(out);
  const std::vector<T> dy(sums, T(0.25)), two(values.size(), T(0.5)), dvalues(values.size(), T(0.5));
  dp::ThreadPool pool(1);
  const dp::Context context{pool, target};
  const dp::TabulateRows rows{kAtoms, kSlots, true};
  const auto show = [&](const char* kernel, double count, const std::function<void()>& work) {
    std::printf("%-9s %-8s %-28s width %-4d %8.1f ns/neighbour\n", target.name, precision, kernel, width,
                nanoseconds(work) / (kAtoms * count));
  };
  const auto a = [&](const char* kernel, const std::function<void()>& work) { show(kernel, kFound, work); };
  a("tabulate a", [&] { dp::tabulate_a<T>(table, rows, x.data(), em.data(), nullptr, out.data(), context); });
  a("tabulate a grad", [&] {
    dp::tabulate_a_grad<T>(table, rows, x.data(), em.data(), nullptr, dy.data(), dx.data(), dem.data(), nullptr,
                           context);
  });
  a("tabulate a grad grad", [&] {
    dp::tabulate_a_grad_grad<T>(table, rows, x.data(), em.data(), nullptr, dx.data(), dem.data(), nullptr,
                                dz_dy.data(), context);
  });
  a("tabulate atten", [&] {
    dp::tabulate_a<T>(table, rows, x.data(), em.data(), two.data(), out.data(), context);
  });
  show("tabulate r", kSlots, [&] { dp::tabulate_r<T>(table, rows, x.data(), values.data(), context); });
  show("tabulate r grad", kSlots, [&] {
    dp::tabulate_r_grad<T>(table, rows, x.data(), dvalues.data(), dx.data(), context);
  });
}

}  // namespace

void bench_tabulate(const dp::Target& target) {
  for (int width : {50, 100}) {
    bench<double>(target, "float64", width);
    bench<float>(target, "float32", width);
  }
}
