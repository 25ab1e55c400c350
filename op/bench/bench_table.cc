// Tabulated features: nanoseconds per real neighbour (per pair of them) on one thread. 192 atoms (16 for the pairs),
// 30 + 60 neighbours of two types in 46 + 92 slots, at random places from 1 to 6 Angstrom, as in water; 256 intervals,
// of which the neighbours of an atom touch 68 knots.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <random>
#include <vector>

#include "bench.h"
#include "dp/table.h"

namespace {

constexpr int kAtoms = 192, kIntervals = 256, kKnots = kIntervals + 1;
const std::int32_t kSel[] = {46, 92};
const int kFound[] = {30, 60};

/// Rows of the environment matrix, of mean 0 and deviation 1 as far as it goes, sorted by distance.
template <class T>
struct Rows {
  Rows() : nets{dp::Slots(kSel, 2), {0, 1, 2, 3}}, rows(4 * kAtoms * 138), empty(16), nlist(kAtoms * 138, -1) {
    std::mt19937 random(1);
    std::uniform_real_distribution<double> uniform(-6, 6);
    for (int i = 0; i < kAtoms; ++i) {
      center.push_back(i >= kAtoms / 3);
      for (int type = 0; type < 2; ++type) {
        std::vector<std::vector<double>> near;
        while (static_cast<int>(near.size()) < kFound[type]) {
          const double x = uniform(random), y = uniform(random), z = uniform(random), r = std::hypot(x, y, z);
          if (r < 1 || r >= 6) continue;
          const double u = (r - 0.5) / 5.5, s = (u * u * u * (-6 * u * u + 15 * u - 10) + 1) / r;
          near.push_back({r, (s - 0.06) / 0.11, s * x / r / 0.08, s * y / r / 0.08, s * z / r / 0.08});
        }
        std::sort(near.begin(), near.end());
        for (int j = 0; j < kFound[type]; ++j) {
          const int slot = i * 138 + (type == 0 ? 0 : 46) + j;
          nlist[slot] = 0;
          for (int c = 0; c < 4; ++c) rows[4 * slot + c] = static_cast<T>(near[j][1 + c]);
        }
      }
    }
    for (int pair = 0; pair < 4; ++pair) empty[4 * pair] = T(-0.5);
  }
  dp::TableNets nets;
  std::vector<T> rows, empty;
  std::vector<std::int32_t> nlist, center;
};

template <class T>
void bench(const dp::Target& target, const char* precision, int width) {
  static const Rows<T> rows;
  std::vector<T> table(std::size_t(4) * 3 * kKnots * width, T(0.5)), dtable(table), drows(rows.rows);
  const std::vector<T> dx(std::size_t(4) * kAtoms * width, T(0.25));
  std::vector<T> x(dx);
  std::vector<double> two_body, three_body;
  for (int net = 0; net < 4; ++net) {
    two_body.insert(two_body.end(), {double(net * kKnots), -1, 11.0 / kIntervals, kIntervals, 0, 0, 0, 0});
    three_body.insert(three_body.end(), {double(net * kKnots), -160, 320.0 / kIntervals, kIntervals, 0, 0, 0, 0});
  }
  dp::ThreadPool pool(1);
  const dp::Context context{pool, target};
  const dp::TableSizes sizes{kAtoms, width, 4 * kKnots, 4};
  const dp::TableInput<T> in{rows.rows.data(),  rows.nlist.data(), rows.center.data(),
                             rows.empty.data(), table.data(),      two_body.data()};
  dp::TableInput<T> pairs = in;
  pairs.grid = three_body.data();
  const auto show = [&](const char* kernel, double count, const char* unit, const std::function<void()>& work) {
    std::printf("%-9s %-8s %-20s width %-4d %8.1f ns/%s\n", target.name, precision, kernel, width,
                nanoseconds(work) / count, unit);
  };
  using G = dp::TableGrad<T>;
  const G by_rows{nullptr, drows.data(), nullptr}, by_table{nullptr, nullptr, dtable.data()};
  const G second{x.data(), nullptr, dtable.data()};
  const auto two = [&](const char* kernel, const auto& work) { show(kernel, 90 * kAtoms, "neighbour", work); };
  two("two-body", [&] { dp::table_sum<4, T>(sizes, rows.nets, in, x.data(), context); });
  two("two-body by rows", [&] { dp::table_sum_grad<4, T>(sizes, rows.nets, in, dx.data(), by_rows, context); });
  two("two-body by table", [&] { dp::table_sum_grad<4, T>(sizes, rows.nets, in, dx.data(), by_table, context); });
  two("two-body second", [&] {
    dp::table_sum_grad_grad<4, T>(sizes, rows.nets, in, dx.data(), rows.rows.data(), second, context);
  });
  dp::TableSizes few = sizes;
  few.natoms = 16;
  const auto three = [&](const char* kernel, const auto& work) {
    show(kernel, (465 + 1800 + 1830) * few.natoms, "pair", work);
  };
  three("three-body", [&] { dp::table_three_body<T>(few, rows.nets, pairs, x.data(), context); });
  three("three-body by rows", [&] {
    dp::table_three_body_grad<T>(few, rows.nets, pairs, dx.data(), by_rows, context);
  });
  three("three-body by table", [&] {
    dp::table_three_body_grad<T>(few, rows.nets, pairs, dx.data(), by_table, context);
  });
  three("three-body second", [&] {
    dp::table_three_body_grad_grad<T>(few, rows.nets, pairs, dx.data(), rows.rows.data(), second, context);
  });
  const std::vector<T> factor(std::size_t(kAtoms) * 138 * width, T(0.5));
  std::vector<T> dfactor(factor);
  const dp::FactorGrad<T> no_table{x.data(), drows.data(), dfactor.data(), nullptr};
  const dp::FactorGrad<T> no_rows{x.data(), nullptr, dfactor.data(), dtable.data()};
  two("factor", [&] { dp::table_factor<T>(sizes, rows.nets, in, factor.data(), x.data(), context); });
  two("factor by both", [&] {
    dp::table_factor_grad<T>(sizes, rows.nets, in, factor.data(), dx.data(), no_table, context);
  });
  two("factor second", [&] {
    dp::table_factor_grad_grad<T>(sizes, rows.nets, in, factor.data(), dx.data(), rows.rows.data(), factor.data(),
                                  no_rows, context);
  });
}

}  // namespace

void bench_tables(const dp::Target& target) {
  bench<double>(target, "float64", 100);
  bench<float>(target, "float32", 100);
}
