// Environment matrix: neighbours against a loop over images, values against the formula, derivative by differences,
// on every target, in both precisions; bad input is named.
#include "dp/env_mat.h"

#include <cmath>
#include <limits>
#include <memory>

#include "check.h"
#include "system.h"

namespace {

const dp::Cutoff kCutoff{3.0, 1.0};

double switch_of(double d) {
  const double u = std::min(1.0, std::max(0.0, (d - kCutoff.rcut_smth) / (kCutoff.rcut - kCutoff.rcut_smth)));
  return u * u * u * (-6 * u * u + 15 * u - 10) + 1;
}

/// Slots hold the nearest neighbours of each type in order, and rows follow the formula.
template <class T>
void neighbors_and_values(const System<T>& system, const std::vector<std::int32_t>& sel, int images, double tolerance) {
  const dp::Slots slots(sel.data(), system.frames.ntypes);
  dp::ThreadPool pool(3);
  for (const dp::Target* target : dp::targets()) {
    const EnvMat<T> env(system, slots, kCutoff, {pool, *target});
    for (std::int64_t row = 0; row < system.frames.nframes * system.frames.nloc; ++row) {
      const auto expected = distances(system, row / system.frames.nloc, int(row % system.frames.nloc), kCutoff.rcut, images);
      for (int t = 0; t < slots.ntypes(); ++t)
        for (int k = 0; k < slots.size(t); ++k) {
          const std::size_t slot = row * slots.total() + slots.begin(t) + k;
          const bool filled = k < static_cast<int>(expected[t].size());
          CHECK((env.nlist[slot] >= 0) == filled);
          const T* r = env.rij.data() + 3 * slot;
          const double d = filled ? expected[t][k] : 0;
          CHECK_NEAR(std::sqrt(double(r[0] * r[0] + r[1] * r[1] + r[2] * r[2])), d, tolerance);
          const double s = filled ? switch_of(d) / d : 0;
          CHECK_NEAR(env.descrpt[4 * slot], s, tolerance * (1 + s * s));
          for (int c = 0; c < 3; ++c)
            CHECK_NEAR(env.descrpt[4 * slot + 1 + c], filled ? s * r[c] / d : 0, tolerance * (1 + s * s));
        }
    }
  }
}

/// One neighbour at r: deriv is the slope of descrpt when the centre moves.
void derivative(const dp::Target& target) {
  dp::ThreadPool pool(1);
  const std::int32_t sel[] = {1};
  const dp::Slots slots(sel, 1);
  const double step = 1e-6;
  for (double x : {0.5, 0.9, 1.3, 2.4}) {
    System<double> system(1, 2, 1, 9.0, false);
    system.type = {0, 0};
    system.coord = {0, 0, 0, x, -0.4, 0.7};
    const EnvMat<double> env(system, slots, kCutoff, {pool, target});
    for (int d = 0; d < 3; ++d) {
      system.coord[d] = step;
      const EnvMat<double> up(system, slots, kCutoff, {pool, target});
      system.coord[d] = -step;
      const EnvMat<double> down(system, slots, kCutoff, {pool, target});
      system.coord[d] = 0;
      for (int c = 0; c < 4; ++c)
        CHECK_NEAR(env.deriv[3 * c + d], (up.descrpt[c] - down.descrpt[c]) / (2 * step), 1e-8);
    }
  }
}

/// Rows of one component are the first of rows of four, bit for bit, on every target with any number of threads.
template <class T>
void radial(const System<T>& system, const std::vector<std::int32_t>& sel) {
  const dp::Slots slots(sel.data(), system.frames.ntypes);
  dp::ThreadPool one(1), three(3);
  const EnvMat<T> full(system, slots, kCutoff, {one, dp::find_target("baseline")});
  for (const dp::Target* target : dp::targets())
    for (dp::Pool* pool : {&one, &three}) {
      const EnvMat<T> found(system, slots, kCutoff, {*pool, *target}, dp::Components::radial);
      CHECK(found.nlist == full.nlist);
      CHECK(found.rij == full.rij);
      for (std::size_t slot = 0; slot < found.nlist.size(); ++slot) {
        CHECK(found.descrpt[slot] == full.descrpt[4 * slot]);
        for (int d = 0; d < 3; ++d) CHECK(found.deriv[3 * slot + d] == full.deriv[12 * slot + d]);
      }
    }
}

/// Mixed slots hold the nearest neighbours of any type, whose types and mean and scale by the centre are told.
template <class T>
void mixed(const System<T>& system, int nsel, int images, double tolerance) {
  const std::int32_t sel[] = {nsel};
  const dp::Slots slots(sel, 1);
  const std::size_t n = system.frames.nframes * system.frames.nloc * nsel;
  std::vector<T> davg(system.frames.ntypes * 4 * nsel), dstd(davg.size());
  for (std::size_t k = 0; k < davg.size(); ++k) davg[k] = T(0.1) * (k % 7), dstd[k] = T(1 + k % 5);
  dp::EnvMatInput<T> in = system.input();
  in.davg = davg.data(), in.dstd = dstd.data(), in.mixed = true;
  dp::ThreadPool pool(3);
  for (const dp::Target* target : dp::targets()) {
    std::vector<T> descrpt(4 * n), rij(3 * n);
    std::vector<std::int32_t> nlist(n), ntype(n);
    std::unique_ptr<bool[]> nmask(new bool[n]);
    dp::env_mat<T>(system.frames, kCutoff, slots, dp::Components::full, in,
                   {descrpt.data(), nullptr, rij.data(), nlist.data(), ntype.data(), nmask.get()}, {pool, *target});
    for (std::int64_t row = 0; row < system.frames.nframes * system.frames.nloc; ++row) {
      const std::int64_t f = row / system.frames.nloc;
      const std::int32_t* type = system.type.data() + f * system.frames.nall;
      const int i = int(row % system.frames.nloc), centre = type[i];
      std::vector<double> expected;
      for (const auto& one : distances(system, f, i, kCutoff.rcut, images))
        expected.insert(expected.end(), one.begin(), one.end());
      std::sort(expected.begin(), expected.end());
      for (int k = 0; k < nsel; ++k) {
        const std::size_t slot = row * nsel + k;
        const bool filled = k < static_cast<int>(expected.size());
        CHECK(nmask[slot] == filled && (nlist[slot] >= 0) == filled);
        CHECK(ntype[slot] == (filled ? type[nlist[slot]] : system.frames.ntypes));
        const T* r = rij.data() + 3 * slot;
        const double d = filled ? expected[k] : 0, s = filled ? switch_of(d) / d : 0;
        CHECK_NEAR(std::sqrt(double(r[0] * r[0] + r[1] * r[1] + r[2] * r[2])), d, tolerance);
        for (int c = 0; c < 4; ++c) {
          const double raw = c == 0 || !filled ? s : s * r[c - 1] / d;
          const std::size_t at = (centre * nsel + k) * 4 + c;
          CHECK_NEAR(descrpt[4 * slot + c], centre < 0 ? 0 : (raw - davg[at]) / dstd[at], tolerance * (1 + s * s));
        }
      }
    }
  }
}

/// Without types that differ, mixed slots are those of the one type, bit for bit.
void mixed_of_one_type() {
  dp::ThreadPool pool(2);
  const dp::Context context{pool, dp::find_target()};
  const std::int32_t sel[] = {30};
  const dp::Slots slots(sel, 1);
  const System<double> system(2, 40, 1, 6.0, true);
  const EnvMat<double> by_type(system, slots, kCutoff, context);
  EnvMat<double> found = by_type;
  found.descrpt.assign(found.descrpt.size(), -7), found.deriv.assign(found.deriv.size(), -7);
  dp::EnvMatInput<double> in = system.input();
  in.mixed = true;
  dp::env_mat<double>(system.frames, kCutoff, slots, dp::Components::full, in,
                      {found.descrpt.data(), found.deriv.data(), found.rij.data(), found.nlist.data()}, context);
  CHECK(found.descrpt == by_type.descrpt && found.deriv == by_type.deriv);
  CHECK(found.rij == by_type.rij && found.nlist == by_type.nlist);
}

void normalization() {
  dp::ThreadPool pool(1);
  const std::int32_t sel[] = {2};
  const dp::Slots slots(sel, 1);
  System<double> system(1, 2, 1, 9.0, false);
  system.type = {0, 0};
  system.coord = {0, 0, 0, 0.5, 0, 0};
  const std::vector<double> davg = {1, 2, 3, 4, 5, 6, 7, 8}, dstd = {2, 2, 2, 2, 4, 4, 4, 4};
  dp::EnvMatInput<double> in = system.input();
  in.davg = davg.data();
  in.dstd = dstd.data();
  std::vector<double> descrpt(16), deriv(48);
  dp::env_mat<double>(system.frames, kCutoff, slots, dp::Components::full, in,
                      {descrpt.data(), deriv.data(), nullptr, nullptr}, {pool, dp::find_target("baseline")});
  CHECK_NEAR(descrpt[0], (2.0 - 1) / 2, 1e-14);
  CHECK_NEAR(descrpt[1], (2.0 - 2) / 2, 1e-14);
  CHECK_NEAR(descrpt[4], -5.0 / 4, 1e-14);  // an empty slot
  CHECK_NEAR(descrpt[7], -8.0 / 4, 1e-14);
  CHECK_NEAR(deriv[0], 4.0 / 2, 1e-13);  // d(1/r)/dx of the centre, over dstd
  CHECK_NEAR(deriv[12], 0, 0);
}

void bad_input() {
  dp::ThreadPool pool(2);
  const dp::Context context{pool, dp::find_target()};
  const std::int32_t sel[] = {4, 4}, negative[] = {4, -1};
  const dp::Slots slots(sel, 2);
  System<double> system(2, 6, 2, 8.0, true);
  system.coord[20] = std::numeric_limits<double>::infinity();
  CHECK_THROWS(EnvMat<double>(system, slots, kCutoff, context), "frame 1, atom 0: expected a finite position");
  system.coord[20] = 0;
  system.type[7] = 2;
  CHECK_THROWS(EnvMat<double>(system, slots, kCutoff, context), "frame 1, atom 1: expected a type below 2, found 2");
  system.type[7] = 0;
  for (int k = 9; k < 12; ++k) system.box[k] = 0;
  CHECK_THROWS(EnvMat<double>(system, slots, kCutoff, context), "frame 1: expected a box that spans a volume");
  CHECK_THROWS(EnvMat<double>(system, slots, dp::Cutoff{0.0, 0.0}, context), "rcut: expected a positive number");
  CHECK_THROWS(EnvMat<double>(system, slots, dp::Cutoff{3.0, 3.5}, context), "rcut_smth: expected 0 to rcut");
  CHECK_THROWS(EnvMat<double>(system, dp::Slots(sel, 1), kCutoff, context), "sel: expected one entry for each of 2");
  dp::EnvMatInput<double> in = system.input();
  in.mixed = true;
  CHECK_THROWS((dp::env_mat<double>(system.frames, kCutoff, slots, dp::Components::full, in, {}, context)),
               "sel: expected one entry for mixed types, found 2");
  CHECK_THROWS(dp::Slots(negative, 2), "sel[1]: expected a number of neighbours, found -1");
  CHECK_THROWS(dp::find_target("none"), "found 'none'");
}

}  // namespace

TEST_MAIN(
    for (double size : {2.0, 4.0, 9.0}) {
      for (bool periodic : {true, false}) {
        neighbors_and_values(System<double>(2, 7, 2, size, periodic), {20, 12}, 6, 1e-9);
        neighbors_and_values(System<float>(2, 7, 2, size, periodic), {20, 12}, 6, 2e-4);
      }
    }
    neighbors_and_values(System<double>(1, 200, 3, 12.0, true), {5, 50, 0}, 2, 1e-9);
    neighbors_and_values(System<double>(1, 1, 1, 1.0, true), {300}, 6, 1e-9);
    neighbors_and_values(System<double>(1, 0, 1, 9.0, true), {3}, 1, 1e-9);
    for (const dp::Target* target : dp::targets()) derivative(*target);
    radial(System<double>(2, 70, 2, 8.0, true), {9, 30});
    radial(System<float>(2, 70, 2, 8.0, false), {9, 30});
    radial(System<double>(1, 0, 1, 9.0, true), {3});
    for (double size : {2.0, 9.0})
      for (bool periodic : {true, false}) {
        mixed(System<double>(2, 7, 2, size, periodic), 25, 6, 1e-9);
        mixed(System<float>(2, 7, 2, size, periodic), 25, 6, 2e-4);
      }
    mixed(System<double>(1, 200, 3, 12.0, true), 40, 2, 1e-9);
    mixed(System<double>(1, 0, 2, 9.0, true), 3, 1, 1e-9);
    mixed_of_one_type();
    normalization();
    bad_input())
