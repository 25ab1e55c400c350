// A closed form, what must not depend on threads, and that of second order is the transposed of first order. That all
// three compute what the ops of the format do is tested from Python.
#include "nvnmd/descriptor.h"

#include <numeric>

#include "check.h"
#include "dp/target.h"
#include "numbers.h"

namespace {

using nvnmd::kChannels;
using nvnmd::kNodes;
using nvnmd::kSegments;

/// Two types with tables of random numbers, and atoms on a line whose neighbours are drawn; the last atom is virtual.
struct Case {
  explicit Case(int version) : version(version) {
    tables.version = version;
    tables.ntypes = 2;
    tables.slots = slots[version];
    tables.scale = 1 / 4.0;
    tables.u_groups = u_groups;
    tables.s_groups = s_groups;
    tables.switches = drawn(2 * kSegments * 8);
    tables.switch_slopes = drawn(2 * kSegments * 8);
    tables.features = drawn(2 * kSegments * 4 * kChannels);
    tables.feature_slopes = drawn(2 * kSegments * 4 * kChannels);
    if (version == 1) tables.scales = drawn(4), tables.factors = drawn(4 * kChannels);
    for (int i = 0; i < kAtoms; ++i) type.push_back(i + 1 == kAtoms ? -1 : i % 2);
    nlist.assign(kAtoms * kSlots, -1);
    for (int i = 0; i + 1 < kAtoms; ++i)
      for (int b = 0, first = 0; b < (version == 0 ? 2 : 1); first += slots[version][b++])
        for (int k = 0; k < slots[version][b] - i % 4; ++k) nlist[i * kSlots + first + k] = (i + k + 1) % (kAtoms - 1);
    atoms = {1, kAtoms, kAtoms, drawn(4 * kAtoms * kSlots, 2), nlist.data(), type.data()};
  }

  const double* drawn(std::int64_t n, double size = 1) {
    memory.push_back(numbers(n, 0, static_cast<unsigned>(memory.size())));
    for (double& x : memory.back()) x = nvnmd::truncated(x * size);
    return memory.back().data();
  }

  static constexpr int kAtoms = 37, kSlots = 24;
  const std::int32_t slots[2][2] = {{15, 9}, {24, 0}};
  const double u_groups[5] = {0, 64, 0.125, 0, 512}, s_groups[10] = {0, 1, 1 / 256.0, 0, 256, 0, 16, 1 / 16.0, 256, 512};
  int version;
  std::vector<std::vector<double>> memory;
  std::vector<std::int32_t> type, nlist;
  nvnmd::Tables tables;
  nvnmd::Neighbors atoms;
};

struct Found {
  std::vector<double> d, slopes, second;
};

Found run(const Case& c, const std::vector<double>& dd, const std::vector<double>& h, dp::Pool& pool) {
  Found found{std::vector<double>(dd.size()), std::vector<double>(h.size()), std::vector<double>(dd.size())};
  const dp::Context context{pool, dp::find_target()};
  nvnmd::descriptor(c.tables, c.atoms, found.d.data(), context);
  nvnmd::descriptor_grad(c.tables, c.atoms, dd.data(), found.slopes.data(), context);
  nvnmd::descriptor_grad_grad(c.tables, c.atoms, h.data(), found.second.data(), context);
  return found;
}

void test_transposed_and_threads(dp::Pool& one, dp::Pool& three) {
  for (int version : {0, 1}) {
    const Case c(version);
    const std::vector<double> dd = numbers(Case::kAtoms * kNodes, 0, 91), h = numbers(Case::kAtoms * Case::kSlots * 4, 0, 92);
    const Found found = run(c, dd, h, one), other = run(c, dd, h, three);
    CHECK(same_bits(found.d, other.d) && same_bits(found.slopes, other.slopes) && same_bits(found.second, other.second));
    const double first = std::inner_product(h.begin(), h.end(), found.slopes.begin(), 0.0);
    const double second = std::inner_product(dd.begin(), dd.end(), found.second.begin(), 0.0);
    double size = 0;
    for (std::size_t k = 0; k < dd.size(); ++k) size += std::abs(dd[k] * found.second[k]);
    CHECK(size > 1);
    CHECK_NEAR(first, second, 1e-6 * size);
    for (std::size_t k = 0; k < c.nlist.size(); ++k)
      for (int a = 0; a < 4; ++a) CHECK(c.nlist[k] >= 0 || found.slopes[4 * k + a] == 0);
  }
}

/// With s = 1 and g = 2 wherever a neighbour is, two neighbours give GR = 4 scale in row s, and nothing else.
void test_closed_form(dp::Pool& pool) {
  const std::int32_t slots[1] = {2}, nlist[4] = {1, 1, 0, -1}, type[2] = {0, 0};
  const double u_groups[5] = {0, 64, 0.125, 0, 512}, s_groups[10] = {0, 1, 1 / 256.0, 0, 256, 0, 16, 1 / 16.0, 256, 512};
  std::vector<double> switches(kSegments * 8), features(kSegments * 4 * kChannels), rows(16), d(2 * kNodes);
  const std::vector<double> ones(4 * kChannels, 1.0);
  for (int row = 0; row < kSegments; ++row) {
    switches[row * 8 + 6] = 1;
    for (int c = 0; c < kChannels; ++c) features[(row * 4 + 3) * kChannels + c] = 2;
  }
  nvnmd::Tables tables;
  tables.version = 1, tables.ntypes = 1, tables.slots = slots, tables.scale = 0.25;
  tables.u_groups = u_groups, tables.s_groups = s_groups;
  tables.switches = tables.switch_slopes = switches.data();
  tables.features = tables.feature_slopes = features.data();
  tables.scales = tables.factors = ones.data();
  nvnmd::descriptor(tables, {1, 2, 2, rows.data(), nlist, type}, d.data(), {pool, dp::find_target()});
  for (int k = 0; k < kNodes; ++k) CHECK(d[k] == 1 && d[kNodes + k] == 0.25);
}

}  // namespace

TEST_MAIN(
    dp::ThreadPool one(1), three(3);
    test_closed_form(one);
    test_transposed_and_threads(one, three))
