// From distance vectors to the descriptor.
//
// Sums of terms with 23 fraction bits are whole numbers in float64 as long as a bound says that 53 bits hold them; where
// it does not, they are done once more in integers, which wrap around.
#include <cmath>

#include "core/simulate_parts.h"
#include "core/simulate_rows.h"

namespace nvnmd {
namespace {

/// q = truncated rij and u = |q|^2 of the slots.
NVNMD_CLONES void geometry(int n, int m, double* q, double* u) {
  double *x = q, *y = q + m, *z = y + m;
  for (int j = 0; j < n; ++j) {
    x[j] = truncated(x[j]), y[j] = truncated(y[j]), z[j] = truncated(z[j]);
    u[j] = dot3(x[j], y[j], z[j], x[j], y[j], z[j]);
  }
}

NVNMD_CLONES void multiply_slots(int n, const double* h, const double* q, double* out) {
  for (int j = 0; j < n; ++j) out[j] = product(h[j], q[j]);
}

/// Features g [n, 32] at s of the table [512, 4, 32]; remembers where the slopes stand.
NVNMD_CLONES void look_up_features(const Table& table, const double* rows, const double* slopes, int n, const double* s,
                                   double* g, double* offset, const double** slope) {
  for (int j = 0; j < n; ++j) {
    const Place place = find(table, s[j]);
    look_up_channels(rows + place.row * 4 * kChannels, place.offset, g + j * kChannels);
    offset[j] = place.offset;
    slope[j] = slopes + place.row * 4 * kChannels;
  }
}

/// total [4, 32] += the terms of the slots, in units of 2^-23.
NVNMD_CLONES void sum_terms(int n, int m, const double* r4, const double* g, double* total) {
  constexpr int kChunk = 16;
  for (int c = 0; c < kChannels; c += kChunk) {
    double part[4][kChunk] = {};
    for (int j = 0; j < n; ++j)
      for (int a = 0; a < 4; ++a) {
        const double r = r4[a * m + j] * kUp;
        for (int k = 0; k < kChunk; ++k) part[a][k] += std::trunc(r * g[j * kChannels + c + k]);
      }
    for (int a = 0; a < 4; ++a)
      for (int k = 0; k < kChunk; ++k) total[a * kChannels + c + k] += part[a][k];
  }
}

/// The sums over slots and `empty` slots that have s alone, by integers.
void sum_integers(int n, int m, const double* r4, const double* g, int empty, double s, const double* empty_g,
                  double* total) {
  for (int a = 0; a < 4; ++a)
    for (int c = 0; c < kChannels; ++c) {
      std::uint64_t sum = 0;
      for (int j = 0; j < n; ++j) sum += fixed_term(r4[a * m + j], g[j * kChannels + c], kBits);
      if (a == 0 && empty > 0) sum += static_cast<std::uint64_t>(empty) * fixed_term(s, empty_g[c], kBits);
      total[a * kChannels + c] = as_number(sum);
    }
}

/// Copies the slots that hold a neighbour, without gaps; counts them by type of neighbours.
void collect(const Shared& shared, const Around& around, int centre, AtomRows& atom, int* counts) {
  const Tables& tables = shared.tables;
  const std::int32_t* nlist = around.nlist;
  atom.slot.clear();
  int first = 0;
  for (int b = 0; b < shared.blocks; ++b) {
    counts[b] = 0;
    for (int k = first; k < first + tables.slots[b] && nlist[k] >= 0; ++k, ++counts[b]) {
      const int j = static_cast<int>(atom.slot.size());
      for (int d = 0; d < 3; ++d) atom.q[d * atom.m + j] = around.r[around.stride * k + d];
      if (tables.version == 1)
        atom.factor[j] = tables.factors + (std::int64_t(centre) * tables.ntypes + around.type[nlist[k]]) * kChannels;
      atom.slot.push_back(k);
    }
    first += tables.slots[b];
  }
  atom.used = static_cast<int>(atom.slot.size());
}

/// Adds the sum over the slots of one type of neighbours, `first` to `first + n` - 1 and the empty ones, to sums.
void add_block(const Shared& shared, int centre, int b, int first, int n, double largest, const AtomRows& atom,
               double* sums) {
  const Tables& tables = shared.tables;
  const double *r4 = atom.r4.data() + first, *g = atom.g.data() + first * kChannels;
  const int empty = tables.version == 0 ? tables.slots[b] - n : 0;
  double s = 0, total[4 * kChannels] = {};
  const double* empty_g = nullptr;
  if (empty > 0) {
    s = shared.empty_s[centre];
    empty_g = shared.empty_g.data() + (std::int64_t(centre) * tables.ntypes + b) * kChannels;
    largest = larger(largest, magnitude(s) * largest_channel(empty_g));
  }
  if (largest * kUp * (n + empty) > kExact) {
    sum_integers(n, atom.m, r4, g, empty, s, empty_g, total);
  } else {
    sum_terms(n, atom.m, r4, g, total);
    for (int c = 0; c < kChannels && empty > 0; ++c) total[c] += empty * std::trunc(s * kUp * empty_g[c]);
  }
  for (int k = 0; k < 4 * kChannels; ++k) sums[k] += truncated(total[k] * kDown);
}

/// D [128] from GR [4, 32].
NVNMD_CLONES void band_of(const double* gr, double* out) {
  double largest = 0, wide[4][kChannels + kBand];
  for (int a = 0; a < 4; ++a) largest = larger(largest, largest_channel(gr + a * kChannels));
  const std::int64_t e = block_of(largest);
  const double scale = power(kFraction - e), back = power(2 * e - 2 * kFraction);
  for (int a = 0; a < 4; ++a)
    for (int c = 0; c < kChannels + kBand; ++c) wide[a][c] = aligned(gr[a * kChannels + c % kChannels], scale);
  for (int k = 0; k < kBand; ++k)
    for (int c = 0; c < kChannels; ++c) {
      double total = 0;
      for (int a = 0; a < 4; ++a) total += wide[a][c] * wide[a][c + k];
      out[c * kBand + k] = truncated(total * back);
    }
}

}  // namespace

NVNMD_CLONES void look_up_switches(const Table& table, const double* rows, int n, int m, const double* u, double* room,
                                   double* s, double* h) {
  double* t = room + 8 * m;
  for (int j = 0; j < n; ++j) {
    const Place place = find(table, u[j]);
    t[j] = place.offset;
    for (int k = 0; k < 8; ++k) room[k * m + j] = rows[place.row * 8 + k];
  }
  for (int j = 0; j < n; ++j) s[j] = cubic(room[j], room[2 * m + j], room[4 * m + j], room[6 * m + j], t[j]);
  for (int j = 0; j < n; ++j) h[j] = cubic(room[m + j], room[3 * m + j], room[5 * m + j], room[7 * m + j], t[j]);
}

NVNMD_CLONES void multiply_by(double factor, int n, double* x) {
  for (int j = 0; j < n; ++j) x[j] = product(factor, x[j]);
}

NVNMD_CLONES void multiply_channels(int n, const double* const* factor, double* g) {
  for (int j = 0; j < n; ++j)
    for (int c = 0; c < kChannels; ++c) g[j * kChannels + c] = product(factor[j][c], g[j * kChannels + c]);
}

Shared::Shared(const Tables& tables, const Registers& registers)
    : tables(tables), switches{kSegments, 2, 1, tables.u_groups}, features{kSegments, kChannels, 2, tables.s_groups},
      blocks(tables.version == 0 ? tables.ntypes : 1) {
  check_groups(switches);
  check_groups(features);
  for (int b = 0; b < blocks; ++b) nslots += tables.slots[b];
  if (tables.version == 1) return;
  // What the registers hold of an empty slot; it counts nowhere.
  Record record(registers);
  const double u = 0;
  double room[9], h, offset;
  const double* slope;
  empty_s.resize(tables.ntypes);
  empty_g.resize(tables.ntypes * tables.ntypes * kChannels);
  for (int t = 0; t < tables.ntypes; ++t) {
    look_up_switches(switches, table_of(tables.switches, t, 2), 1, 1, &u, room, &empty_s[t], &h);
    record.clip(kS, 1, &empty_s[t]);
    for (int b = 0; b < tables.ntypes; ++b) {
      const double* rows = table_of(tables.features, b, kChannels);
      double* g = empty_g.data() + (t * tables.ntypes + b) * kChannels;
      look_up_features(features, rows, rows, 1, &empty_s[t], g, &offset, &slope);
      record.clip(kG, kChannels, g);
    }
  }
}

Workspace::Workspace(const Shared& shared, int atoms) {
  const int m = (shared.nslots + kLanes - 1) / kLanes * kLanes;
  this->atoms.assign(atoms, AtomRows(m));
  slots.resize(21 * m);
  dg.resize(m * kChannels);
}

std::unique_ptr<Workspace> Workspaces::take() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!free_.empty()) {
      auto found = std::move(free_.back());
      free_.pop_back();
      return found;
    }
  }
  return std::make_unique<Workspace>(shared_, atoms_);
}

void Workspaces::give_back(std::unique_ptr<Workspace> work) {
  const std::lock_guard<std::mutex> lock(mutex_);
  free_.push_back(std::move(work));
}

void descriptor(const Shared& shared, int centre, const Around& around, Workspace& work, AtomRows& atom, Record& record,
                double* out) {
  const Tables& tables = shared.tables;
  const int m = atom.m, net = tables.version == 0 ? centre : 0;
  int counts[32];
  collect(shared, around, centre, atom, counts);
  const int n = atom.used;
  double *q = atom.q.data(), *u = atom.u.data(), *h = atom.h.data(), *s = atom.r4.data(), *g = atom.g.data();
  geometry(n, m, q, u);
  record.settle(kU, n, u);
  look_up_switches(shared.switches, table_of(tables.switches, net, 2), n, m, u, work.slots.data(), s, h);
  if (tables.version == 1) {
    multiply_by(tables.scales[2 * centre], n, s);
    multiply_by(tables.scales[2 * centre + 1], n, h);
  }
  double largest_r = record.settle(kS, n, s);
  record.settle(kH, n, h);
  for (int d = 0; d < 3; ++d) {
    multiply_slots(n, h, q + d * m, s + (d + 1) * m);
    largest_r = larger(largest_r, record.settle(kR, n, s + (d + 1) * m));
  }
  double sums[4 * kChannels] = {};
  for (int b = 0, first = 0; b < shared.blocks; first += counts[b++]) {
    double* block = g + first * kChannels;
    look_up_features(shared.features, table_of(tables.features, b, kChannels),
                     table_of(tables.feature_slopes, b, kChannels), counts[b], s + first, block,
                     atom.offset.data() + first, atom.slope.data() + first);
    double largest = record.settle(kG, counts[b] * kChannels, block);
    if (tables.version == 1) {
      multiply_channels(n, atom.factor.data(), g);
      largest = record.settle(kProduct, n * kChannels, g);
    }
    add_block(shared, centre, b, first, counts[b], largest_r * largest, atom, sums);
  }
  record.settle(kSum, 4 * kChannels, sums);
  for (int k = 0; k < 4 * kChannels; ++k) atom.gr[k] = truncated(sums[k] * tables.scale);
  record.settle(kGr, 4 * kChannels, atom.gr);
  band_of(atom.gr, out);
  record.settle(kDescriptor, kNodes, out);
}

}  // namespace nvnmd
