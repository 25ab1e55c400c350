// Closed forms of a model whose tables are constants; what must not depend on threads; sums too long for float64.
#include "nvnmd/simulate.h"

#include <array>
#include <numeric>

#include "check.h"
#include "dp/target.h"
#include "numbers.h"

namespace {

using nvnmd::kChannels;
using nvnmd::kHidden;
using nvnmd::kNodes;
using nvnmd::kRegisters;
using nvnmd::kSegments;

/// Version 0 with one type: s = 1, g = `feature`, sums times `scale`; the first layer is the identity, the next two
/// add nothing, the last takes the first number. So the energy is tanh4(D) + 1.
struct Toy {
  explicit Toy(double feature, double scale, int slots)
      : slots(slots), switches(kSegments * 8), zeros(kSegments * 4 * kChannels), features(zeros.size()),
        forward(kHidden * kNodes * kNodes), nothing(forward.size()), unit(kHidden * kNodes, 0x1p-16),
        last(kNodes), biases(kHidden * kNodes) {
    for (int row = 0; row < kSegments; ++row) {
      switches[row * 8 + 6] = 1;
      for (int c = 0; c < kChannels; ++c) features[(row * 4 + 3) * kChannels + c] = feature;
    }
    for (int j = 0; j < kNodes; ++j) forward[j * kNodes + j] = 0x1p16;
    last[0] = 0x1p16;
    model.ntypes = 1;
    model.slots = &this->slots;
    model.rcut = 3;
    model.scale = scale;
    model.u_groups = u_groups;
    model.s_groups = s_groups;
    model.switches = switches.data();
    model.switch_slopes = zeros.data();
    model.features = features.data();
    model.feature_slopes = zeros.data();
    model.shifts = &shift;
    model.forward = forward.data();
    model.backward = nothing.data();
    model.forward_unit = model.backward_unit = model.last_unit = unit.data();
    model.last = last.data();
    model.biases = biases.data();
    model.last_bias = &no_bias;
  }

  const std::int32_t slots;
  const double u_groups[5] = {0, 64, 0.125, 0, 512}, s_groups[10] = {0, 1, 1 / 256.0, 0, 256, 0, 16, 1 / 16.0, 256, 512};
  const double shift = 1, no_bias = 0;
  std::vector<double> switches, zeros, features, forward, nothing, unit, last, biases;
  nvnmd::Model model;
};

struct Found {
  std::vector<double> energy, force, virial = std::vector<double>(9);
  double largest[kRegisters] = {};
  std::int64_t over[kRegisters] = {}, under[kRegisters] = {};
};

/// Registers that hold up to 2^40, the data of the fitting net up to `data`.
Found run(const nvnmd::Model& model, const std::vector<double>& coord, const std::vector<std::int32_t>& type,
          dp::Pool& pool, double data = 0x1p40, bool saturate = false) {
  Found found;
  found.energy.resize(type.size());
  found.force.resize(coord.size());
  std::vector<double> limits;
  for (int r = 0; r < kRegisters; ++r) limits.insert(limits.end(), {r == nvnmd::kX ? data : 0x1p40, 0.0});
  nvnmd::Registers registers{saturate, limits.data(), found.largest, found.over, found.under};
  nvnmd::simulate(model, 1, static_cast<int>(type.size()), coord.data(), type.data(), nullptr, found.energy.data(),
                  found.force.data(), found.virial.data(), registers, {pool, dp::find_target()});
  return found;
}

double tanh4(double a) { return a * a * a * a / 16 - a * a * a / 4 + a; }

const std::vector<double> kPair = {0, 0, 0, 1.5, 0, 0};

/// Two atoms: the sum is g for the neighbour and g for each of the other slots, which stay empty.
void test_closed_form(dp::Pool& pool) {
  for (int slots : {1, 4}) {
    const Toy toy(2, 0.125, slots);
    const Found found = run(toy.model, kPair, {0, 0}, pool);
    const double gr = 2 * slots * 0.125;
    CHECK(found.largest[nvnmd::kSum] == 2 * slots);
    CHECK(found.largest[nvnmd::kDescriptor] == gr * gr);
    CHECK_NEAR(found.energy[0], tanh4(gr * gr) + 1, 0x1p-22);
    CHECK(found.energy[0] == found.energy[1]);
    CHECK(found.over[nvnmd::kX] == 0);
  }
}

/// 2^31 has 54 bits as a number of 2^-23, and D = 512 as data of the fitting net has more than its products may.
void test_long_sums(dp::Pool& pool) {
  CHECK(run(Toy(0x1p31, 0x1p-33, 1).model, kPair, {0, 0}, pool).energy[0] ==
        run(Toy(0.5, 0.5, 1).model, kPair, {0, 0}, pool).energy[0]);
  CHECK(run(Toy(0x1p31, 0x1p-35, 4).model, kPair, {0, 0}, pool).energy[0] ==
        run(Toy(0.5, 0.125, 4).model, kPair, {0, 0}, pool).energy[0]);
  Toy toy(1, 16, 1);
  CHECK(run(toy.model, kPair, {0, 0}, pool).energy[0] == 2);
  toy.forward[0] = 0x1p8;  // 256 * 2^-8
  CHECK_NEAR(run(toy.model, kPair, {0, 0}, pool).energy[0], tanh4(1) + 1, 0x1p-22);
  CHECK_THROWS(run(Toy(1, 64, 1).model, kPair, {0, 0}, pool), "fitting net: expected data up to 1024, found 4096");
}

void test_registers(dp::Pool& pool) {
  const Toy toy(2, 0.5, 1);  // D = 1
  const Found counted = run(toy.model, kPair, {0, 0}, pool, 0.25), kept = run(toy.model, kPair, {0, 0}, pool, 0.25, true);
  CHECK(counted.largest[nvnmd::kX] == 1 && counted.over[nvnmd::kX] == 2 * kNodes * 4);
  CHECK_NEAR(counted.energy[0], tanh4(1) + 1, 0x1p-22);
  CHECK_NEAR(kept.energy[0], tanh4(0.25) + 1, 0x1p-22);
}

/// Atoms without neighbours, virtual ones, wrong types.
void test_atoms(dp::Pool& pool) {
  const Toy toy(2, 0.125, 1);
  const Found found = run(toy.model, {0, 0, 0, 1.5, 0, 0, 2.5, 0, 0}, {0, -1, 0}, pool);
  CHECK(found.energy[1] == 0 && found.force[3] == 0);
  CHECK_NEAR(found.energy[0], tanh4(0.0625) + 1, 0x1p-22);
  CHECK_THROWS(run(toy.model, kPair, {0, 1}, pool), "type of atom 1: expected less than 1, found 1");
}

/// Random tables and weights on a lattice: the same bits on one thread and on three, and forces that add up to zero.
void test_threads(dp::Pool& one, dp::Pool& three) {
  Toy toy(1, 1 / 32.0, 37);
  const auto fill = [](std::vector<double>& x, double size, unsigned seed) {
    const std::vector<double> values = numbers(x.size(), 0, seed);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = nvnmd::truncated(values[i] * size);
  };
  std::vector<double> slopes(toy.switches.size()), feature_slopes(toy.features.size());
  fill(toy.switches, 0.5, 1);
  fill(slopes, 0.5, 2);
  fill(toy.features, 0.5, 3);
  fill(feature_slopes, 0.5, 4);
  toy.model.switch_slopes = slopes.data();
  toy.model.feature_slopes = feature_slopes.data();
  for (std::size_t i = 0; i < toy.forward.size(); ++i) toy.forward[i] = double(i * 7919 % 20011) - 10005;
  toy.model.backward = toy.forward.data();
  std::vector<double> coord;
  for (int i = 0; i < 7 * 7 * 7; ++i)
    coord.insert(coord.end(), {1.1 * (i % 7), 1.2 * (i / 7 % 7), 1.3 * (i / 49) + 0.01 * i});
  const std::vector<std::int32_t> type(coord.size() / 3);
  const Found a = run(toy.model, coord, type, one), b = run(toy.model, coord, type, three);
  CHECK(same_bits(a.energy, b.energy) && same_bits(a.force, b.force) && same_bits(a.virial, b.virial));
  CHECK(std::equal(a.largest, a.largest + kRegisters, b.largest));
  double total = 0, size = 0;
  for (std::size_t i = 0; i < a.force.size(); i += 3) total += a.force[i], size += std::abs(a.force[i]);
  CHECK(size > 1);
  CHECK_NEAR(total, 0, 1e-12 * size);
}

}  // namespace

TEST_MAIN(
    dp::ThreadPool one(1), three(3);
    test_closed_form(one);
    test_long_sums(one);
    test_registers(three);
    test_atoms(one);
    test_threads(one, three))
