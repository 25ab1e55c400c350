// Micro-benchmark: nanoseconds per atom of each kernel on each target, one thread, for 192 atoms of water-like density
// with sel 46, 92 at 6 Angstrom; of the ragged contractions nanoseconds per row, for 90 neighbours of each atom. The
// least of several runs is shown.
#include <cstdio>
#include <functional>
#include <random>
#include <vector>

#include "bench.h"
#include "dp/env_mat.h"
#include "dp/force.h"
#include "dp/force_virial.h"
#include "dp/gelu.h"
#include "dp/group.h"
#include "dp/virial.h"

namespace {

constexpr int kAtoms = 192;

template <class T>
void bench(const dp::Target& target, const char* precision) {
  std::mt19937 random(1);
  std::uniform_real_distribution<double> uniform(0, 12.44);
  std::vector<T> coord, box = {T(12.44), 0, 0, 0, T(12.44), 0, 0, 0, T(12.44)};
  std::vector<std::int32_t> type;
  for (int i = 0; i < kAtoms; ++i) {
    for (int d = 0; d < 3; ++d) coord.push_back(static_cast<T>(uniform(random)));
    type.push_back(i < kAtoms / 3 ? 0 : 1);
  }
  const std::int32_t sel[] = {46, 92};
  const dp::Slots slots(sel, 2);
  const std::size_t n = std::size_t(kAtoms) * slots.total();
  std::vector<T> descrpt(4 * n), deriv(12 * n), rij(3 * n), force(3 * kAtoms), virial(9), atom_virial(9 * kAtoms);
  std::vector<T> grad(4 * n);
  std::vector<std::int32_t> nlist(n), most(2);
  std::vector<std::int64_t> worst(4);
  dp::ThreadPool pool(1);
  const dp::Context context{pool, target};
  const dp::Frames frames{1, kAtoms, kAtoms, 2};
  const dp::Rows rows{1, kAtoms, kAtoms, slots.total()};
  dp::EnvMatInput<T> in{coord.data(), type.data(), box.data(), nullptr, nullptr, nullptr};
  const auto show = [&](const char* kernel, const std::function<void()>& work) {
    std::printf("%-9s %-8s %-24s %8.0f ns/atom\n", target.name, precision, kernel, nanoseconds(work) / kAtoms);
  };
  show("env_mat", [&] {
    dp::env_mat<T>(frames, {6.0, 0.5}, slots, dp::Components::full, in,
                   {descrpt.data(), deriv.data(), rij.data(), nlist.data()}, context);
  });
  show("env_mat, list alone", [&] {
    dp::env_mat<T>(frames, {6.0, 0.5}, slots, dp::Components::full, in, {nullptr, nullptr, rij.data(), nlist.data()},
                   context);
  });
  show("neighbor_stat", [&] {
    dp::NeighborStat stat{0, {0, 0, 0}, most.data(), worst.data()};
    dp::neighbor_stat<T>(frames, 6.0, false, coord.data(), type.data(), box.data(), stat, context);
  });
  show("force", [&] { dp::force(rows, descrpt.data(), deriv.data(), nlist.data(), force.data(), context); });
  show("force_grad", [&] {
    dp::force_grad(rows, force.data(), deriv.data(), nlist.data(), grad.data(), context);
  });
  show("virial", [&] {
    dp::virial<T>(rows, descrpt.data(), deriv.data(), rij.data(), nlist.data(), virial.data(), nullptr, context);
  });
  show("virial, atomic", [&] {
    dp::virial<T>(rows, descrpt.data(), deriv.data(), rij.data(), nlist.data(), virial.data(), atom_virial.data(),
                  context);
  });
  show("virial_grad", [&] {
    dp::virial_grad<T>(rows, virial.data(), nullptr, deriv.data(), rij.data(), nlist.data(), grad.data(), context);
  });
  show("force_virial", [&] {
    dp::force_virial<T>(rows, descrpt.data(), deriv.data(), rij.data(), nlist.data(),
                        {force.data(), virial.data(), nullptr}, context);
  });
  show("force_virial, atomic", [&] {
    dp::force_virial<T>(rows, descrpt.data(), deriv.data(), rij.data(), nlist.data(),
                        {force.data(), virial.data(), atom_virial.data()}, context);
  });
  show("force_virial_grad", [&] {
    dp::force_virial_grad<T>(rows, force.data(), virial.data(), deriv.data(), rij.data(), nlist.data(), grad.data(),
                             context);
  });
  show("gelu, 240 an atom", [&] { dp::gelu<T>(240 * kAtoms, descrpt.data(), grad.data(), context); });
}

template <class T>
void bench_groups(const dp::Target& target, const char* precision, int width) {
  constexpr int kRows = 90 * kAtoms;
  const std::vector<T> env(4 * kRows, T(0.5)), feature(kRows * width, T(0.25)), x(4 * kAtoms * width, T(0.125));
  std::vector<T> env_out(env), feature_out(feature), x_out(x);
  std::vector<std::int32_t> offsets;
  for (int i = 0; i <= kAtoms; ++i) offsets.push_back(90 * i);
  dp::ThreadPool pool(1);
  const dp::Context context{pool, target};
  const dp::Groups groups{kAtoms, kRows, width};
  const auto show = [&](const char* kernel, const std::function<void()>& work) {
    std::printf("%-9s %-8s %-12s width %-4d %9.1f ns/row\n", target.name, precision, kernel, width,
                nanoseconds(work) / kRows);
  };
  show("group_outer", [&] {
    dp::group_outer(groups, env.data(), feature.data(), offsets.data(), x_out.data(), context);
  });
  show("group_spread", [&] {
    dp::group_spread(groups, env.data(), x.data(), offsets.data(), feature_out.data(), context);
  });
  show("group_dot", [&] {
    dp::group_dot(groups, feature.data(), x.data(), offsets.data(), env_out.data(), context);
  });
}

}  // namespace

int main() {
  for (const dp::Target* target : dp::targets()) {
    bench<double>(*target, "float64");
    bench<float>(*target, "float32");
    for (int width : {50, 100}) {
      bench_groups<double>(*target, "float64", width);
      bench_groups<float>(*target, "float32", width);
    }
    bench_tables(*target);
    bench_tabulate(*target);
    bench_fitting(*target);
    bench_attention(*target);
    bench_norm(*target);
  }
}
