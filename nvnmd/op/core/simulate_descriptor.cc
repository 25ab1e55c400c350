// From distance vectors to the descriptor, and back from its derivative to forces.
//
// Sums of terms with 23 fraction bits are whole numbers in float64 as long as a bound says that 53 bits hold them; where
// it does not, they are done once more in integers, which wrap around.
#include <algorithm>
#include <cmath>

#include "core/simulate_parts.h"
#include "core/table_row.h"
#include "nvnmd/bits.h"

namespace nvnmd {
namespace {

constexpr int kBits = 23;
constexpr double kUp = 0x1p23, kDown = 0x1p-23;
constexpr double kExact = 0x1p53;
constexpr int kLanes = 8;

NVNMD_INLINE double magnitude(double x) { return number(pattern(x) & ~(std::uint64_t(1) << 63)); }
NVNMD_INLINE double larger(double a, double b) { return a > b ? a : b; }

/// Exponent of the block whose largest magnitude is given.
NVNMD_INLINE std::int64_t block_of(double largest) {
  const std::int64_t e = exponent(largest);
  return e < kSmallestBlock ? kSmallestBlock : e;
}

NVNMD_INLINE double largest_channel(const double* x) {
  double lanes[kLanes] = {};
  for (int c = 0; c < kChannels; c += kLanes)
    for (int l = 0; l < kLanes; ++l) lanes[l] = larger(magnitude(x[c + l]), lanes[l]);
  double largest = 0;
  for (int l = 0; l < kLanes; ++l) largest = larger(lanes[l], largest);
  return largest;
}

NVNMD_INLINE double total_of(const double* lanes) {
  double total = 0;
  for (int l = 0; l < kLanes; ++l) total += lanes[l];
  return total;
}

/// Scalar product of a few numbers of one slot, dotmul.
NVNMD_INLINE double dot3(double a0, double a1, double a2, double b0, double b1, double b2) {
  const std::int64_t a = block_of(larger(magnitude(a0), larger(magnitude(a1), magnitude(a2))));
  const std::int64_t b = block_of(larger(magnitude(b0), larger(magnitude(b1), magnitude(b2))));
  const double sa = power(kFraction - a), sb = power(kFraction - b);
  const double total = aligned(a0, sa) * aligned(b0, sb) + aligned(a1, sa) * aligned(b1, sb) +
                       aligned(a2, sa) * aligned(b2, sb);
  return truncated(total * power(a + b - 2 * kFraction));
}

/// q = truncated rij and u = |q|^2 of the slots.
NVNMD_CLONES void geometry(int n, int m, double* q, double* u) {
  double *x = q, *y = q + m, *z = y + m;
  for (int j = 0; j < n; ++j) {
    x[j] = truncated(x[j]), y[j] = truncated(y[j]), z[j] = truncated(z[j]);
    u[j] = dot3(x[j], y[j], z[j], x[j], y[j], z[j]);
  }
}

/// s and h [n] of the table [512, 4, 2] at u; room [9, m].
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

NVNMD_CLONES void multiply_slots(int n, const double* h, const double* q, double* out) {
  for (int j = 0; j < n; ++j) out[j] = product(h[j], q[j]);
}

NVNMD_INLINE void look_up_channels(const double* row, double t, double* y) {
  const double *a = row, *b = a + kChannels, *c = b + kChannels, *d = c + kChannels;
  for (int k = 0; k < kChannels; ++k) y[k] = cubic(a[k], b[k], c[k], d[k], t);
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

NVNMD_CLONES void multiply_channels(int n, const double* const* factor, double* g) {
  for (int j = 0; j < n; ++j)
    for (int c = 0; c < kChannels; ++c) g[j * kChannels + c] = product(factor[j][c], g[j * kChannels + c]);
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

double as_number(std::uint64_t whole) { return static_cast<double>(static_cast<std::int64_t>(whole)); }

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
void collect(const Shared& shared, const double* rij, const std::int32_t* nlist, const std::int32_t* type, int centre,
             AtomRows& atom, int* counts) {
  const Model& model = shared.model;
  atom.slot.clear();
  int first = 0;
  for (int b = 0; b < shared.blocks; ++b) {
    counts[b] = 0;
    for (int k = first; k < first + model.slots[b] && nlist[k] >= 0; ++k, ++counts[b]) {
      const int j = static_cast<int>(atom.slot.size());
      for (int d = 0; d < 3; ++d) atom.q[d * atom.m + j] = rij[3 * k + d];
      if (model.version == 1)
        atom.factor[j] = model.factors + (std::int64_t(centre) * model.ntypes + type[nlist[k]]) * kChannels;
      atom.slot.push_back(k);
    }
    first += model.slots[b];
  }
  atom.used = static_cast<int>(atom.slot.size());
}

/// Adds the sum over the slots of one type of neighbours, `first` to `first + n` - 1 and the empty ones, to sums.
void add_block(const Shared& shared, int centre, int b, int first, int n, double largest, const AtomRows& atom,
               double* sums) {
  const Model& model = shared.model;
  const double *r4 = atom.r4.data() + first, *g = atom.g.data() + first * kChannels;
  const int empty = model.version == 0 ? model.slots[b] - n : 0;
  double s = 0, total[4 * kChannels] = {};
  const double* empty_g = nullptr;
  if (empty > 0) {
    s = shared.empty_s[centre];
    empty_g = shared.empty_g.data() + (std::int64_t(centre) * model.ntypes + b) * kChannels;
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

/// A term with 23 fraction bits as a whole number, exact or modulo 2^64.
struct ByFloats {
  using Sum = double;
  static NVNMD_INLINE double term(double x, double w) { return std::trunc(x * kUp * w); }
  static NVNMD_INLINE double value(double sum) { return sum; }
};
struct ByIntegers {
  using Sum = std::uint64_t;
  static NVNMD_INLINE std::uint64_t term(double x, double w) { return fixed_term(x, w, kBits); }
  static double value(std::uint64_t sum) { return as_number(sum); }
};

/// Derivative by GR [4, 32], before it is truncated, from that by the band of products.
template <class Way>
NVNMD_INLINE void band_slope(const double* gr, const double* band, double* out) {
  for (int a = 0; a < 4; ++a, gr += kChannels, out += kChannels) {
    double wide[kChannels + kBand];
    typename Way::Sum first[kChannels] = {}, second[kChannels + kBand] = {};
    for (int c = 0; c < kChannels + kBand; ++c) wide[c] = gr[c % kChannels];
    for (int k = 0; k < kBand; ++k)
      for (int c = 0; c < kChannels; ++c) {
        first[c] += Way::term(band[c * kBand + k], wide[c + k]);
        second[c + k] += Way::term(band[c * kBand + k], wide[c]);
      }
    for (int c = 0; c < kBand; ++c) second[c] += second[kChannels + c];
    for (int c = 0; c < kChannels; ++c)
      out[c] = truncated(Way::value(first[c]) * kDown) + truncated(Way::value(second[c]) * kDown);
  }
}

NVNMD_CLONES void band_slope_by_floats(const double* gr, const double* band, double* out) {
  band_slope<ByFloats>(gr, band, out);
}

NVNMD_CLONES void truncate_scaled(int n, double scale, double* x) {
  for (int j = 0; j < n; ++j) x[j] = truncated(truncated(x[j]) * scale);
}

/// Mantissas of dGR [4, 32]: each row aligned to its largest exponent, and each column, with the units of both.
struct Aligned {
  double rows[4][kChannels], columns[4][kChannels], row_unit[4], column_unit[kChannels];
};

NVNMD_CLONES void align(const double* x, Aligned& out) {
  for (int a = 0; a < 4; ++a) {
    const std::int64_t e = block_of(largest_channel(x + a * kChannels));
    out.row_unit[a] = power(e - kFraction);
    for (int c = 0; c < kChannels; ++c) out.rows[a][c] = aligned(x[a * kChannels + c], power(kFraction - e));
  }
  for (int c = 0; c < kChannels; ++c) {
    double largest = 0;
    for (int a = 0; a < 4; ++a) largest = larger(largest, magnitude(x[a * kChannels + c]));
    const std::int64_t e = block_of(largest);
    out.column_unit[c] = power(e - kFraction);
    for (int a = 0; a < 4; ++a) out.columns[a][c] = aligned(x[a * kChannels + c], power(kFraction - e));
  }
}

/// Derivatives by the rows (s, R) [4, m] and by the features [n, 32].
NVNMD_CLONES void product_slopes(int n, int m, const double* r4, const double* g, const Aligned& d, double* dr4,
                                 double* dg) {
  for (int j = 0; j < n; ++j, g += kChannels, dg += kChannels) {
    const std::int64_t e = block_of(largest_channel(g));
    const double scale = power(kFraction - e), unit = power(e - kFraction);
    double lanes[4][kLanes] = {}, largest = 0, row[4];
    for (int c = 0; c < kChannels; c += kLanes)
      for (int l = 0; l < kLanes; ++l) {
        const double mantissa = aligned(g[c + l], scale);
        for (int a = 0; a < 4; ++a) lanes[a][l] += mantissa * d.rows[a][c + l];
      }
    for (int a = 0; a < 4; ++a) {
      dr4[a * m + j] = truncated(total_of(lanes[a]) * (d.row_unit[a] * unit));
      largest = larger(largest, magnitude(r4[a * m + j]));
    }
    const std::int64_t f = block_of(largest);
    for (int a = 0; a < 4; ++a) row[a] = aligned(r4[a * m + j], power(kFraction - f));
    const double row_unit = power(f - kFraction);
    for (int c = 0; c < kChannels; ++c) {
      double total = 0;
      for (int a = 0; a < 4; ++a) total += row[a] * d.columns[a][c];
      dg[c] = truncated(total * (row_unit * d.column_unit[c]));
    }
  }
}

/// ds [n] += the scalar products of dg with the slopes of the features.
NVNMD_CLONES void feature_slopes(int n, const double* const* slope, const double* offset, const double* dg, double* ds) {
  for (int j = 0; j < n; ++j, dg += kChannels) {
    double e[kChannels], lanes[kLanes] = {};
    look_up_channels(slope[j], offset[j], e);
    const std::int64_t a = block_of(largest_channel(e)), b = block_of(largest_channel(dg));
    const double sa = power(kFraction - a), sb = power(kFraction - b);
    for (int c = 0; c < kChannels; c += kLanes)
      for (int l = 0; l < kLanes; ++l) lanes[l] += aligned(e[c + l], sa) * aligned(dg[c + l], sb);
    ds[j] = sum(truncated(total_of(lanes) * power(a + b - 2 * kFraction)), ds[j]);
  }
}

/// dh [n] = the scalar products of q and dR [3, m]; dq = h dR.
NVNMD_CLONES void vector_slopes(int n, int m, const double* q, const double* h, const double* dr, double* dh,
                                double* dq) {
  for (int j = 0; j < n; ++j) dh[j] = dot3(q[j], q[m + j], q[2 * m + j], dr[j], dr[m + j], dr[2 * m + j]);
  for (int d = 0; d < 3; ++d)
    for (int j = 0; j < n; ++j) dq[d * m + j] = product(h[j], dr[d * m + j]);
}

NVNMD_CLONES void squared_slopes(int n, const double* su, const double* hu, const double* ds, const double* dh,
                                 double* du) {
  for (int j = 0; j < n; ++j) du[j] = dot3(su[j], hu[j], 0, ds[j], dh[j], 0);
}

NVNMD_CLONES void pair_forces(int n, int m, const double* q, const double* du, const double* dq, double* pair) {
  for (int d = 0; d < 3; ++d)
    for (int j = 0; j < n; ++j) pair[d * m + j] = -2 * q[d * m + j] * du[j] - dq[d * m + j];
}

const double* table_of(const double* tables, int index, int channels) {
  return tables + std::int64_t(index) * kSegments * 4 * channels;
}

void settle_components(Record& record, Register r, int components, int n, int m, double* x) {
  for (int d = 0; d < components; ++d) record.settle(r, n, x + d * m);
}

}  // namespace

Shared::Shared(const Model& model, const Registers& registers)
    : model(model), switches{kSegments, 2, 1, model.u_groups}, features{kSegments, kChannels, 2, model.s_groups},
      blocks(model.version == 0 ? model.ntypes : 1) {
  for (int b = 0; b < blocks; ++b) nslots += model.slots[b];
  if (model.version == 1) return;
  // What the registers hold of an empty slot; it counts nowhere.
  Record record(registers);
  const double u = 0;
  double room[9], h, offset;
  const double* slope;
  empty_s.resize(model.ntypes);
  empty_g.resize(model.ntypes * model.ntypes * kChannels);
  for (int t = 0; t < model.ntypes; ++t) {
    look_up_switches(switches, table_of(model.switches, t, 2), 1, 1, &u, room, &empty_s[t], &h);
    record.clip(kS, 1, &empty_s[t]);
    for (int b = 0; b < model.ntypes; ++b) {
      const double* rows = table_of(model.features, b, kChannels);
      double* g = empty_g.data() + (t * model.ntypes + b) * kChannels;
      look_up_features(features, rows, rows, 1, &empty_s[t], g, &offset, &slope);
      record.clip(kG, kChannels, g);
    }
  }
}

Workspace::Workspace(const Shared& shared) {
  const int m = (shared.nslots + kLanes - 1) / kLanes * kLanes;
  atoms.assign(kBlock, AtomRows(m));
  slots.resize(21 * m);
  dg.resize(m * kChannels);
}

void descriptor(const Shared& shared, int centre, const double* rij, const std::int32_t* nlist,
                const std::int32_t* type, Workspace& work, AtomRows& atom, Record& record, double* out) {
  const Model& model = shared.model;
  const int m = atom.m, net = model.version == 0 ? centre : 0;
  int counts[32];
  collect(shared, rij, nlist, type, centre, atom, counts);
  const int n = atom.used;
  double *q = atom.q.data(), *u = atom.u.data(), *h = atom.h.data(), *s = atom.r4.data(), *g = atom.g.data();
  geometry(n, m, q, u);
  record.settle(kU, n, u);
  look_up_switches(shared.switches, table_of(model.switches, net, 2), n, m, u, work.slots.data(), s, h);
  if (model.version == 1) {
    multiply_by(model.scales[2 * centre], n, s);
    multiply_by(model.scales[2 * centre + 1], n, h);
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
    look_up_features(shared.features, table_of(model.features, b, kChannels),
                     table_of(model.feature_slopes, b, kChannels), counts[b], s + first, block,
                     atom.offset.data() + first, atom.slope.data() + first);
    double largest = record.settle(kG, counts[b] * kChannels, block);
    if (model.version == 1) {
      multiply_channels(n, atom.factor.data(), g);
      largest = record.settle(kProduct, n * kChannels, g);
    }
    add_block(shared, centre, b, first, counts[b], largest_r * largest, atom, sums);
  }
  record.settle(kSum, 4 * kChannels, sums);
  for (int k = 0; k < 4 * kChannels; ++k) atom.gr[k] = truncated(sums[k] * model.scale);
  record.settle(kGr, 4 * kChannels, atom.gr);
  band_of(atom.gr, out);
  record.settle(kDescriptor, kNodes, out);
}

void forces(const Shared& shared, int centre, const double* dx, Workspace& work, const AtomRows& atom, Record& record,
            double* rij, double* virial) {
  const Model& model = shared.model;
  const int m = atom.m, n = atom.used, net = model.version == 0 ? centre : 0;
  double band[kNodes], dgr[4 * kChannels];
  for (int k = 0; k < kNodes; ++k) band[k] = truncated(dx[k]);
  const double largest = record.settle(kDDescriptor, kNodes, band);
  double largest_gr = 0;
  for (int k = 0; k < 4 * kChannels; ++k) largest_gr = larger(largest_gr, magnitude(atom.gr[k]));
  if (largest * largest_gr * kUp * kBand > kExact)
    band_slope<ByIntegers>(atom.gr, band, dgr);
  else
    band_slope_by_floats(atom.gr, band, dgr);
  truncate_scaled(4 * kChannels, model.scale, dgr);
  record.settle(kDGr, 4 * kChannels, dgr);

  Aligned mantissas;
  align(dgr, mantissas);
  double *dr4 = work.slots.data(), *dh = dr4 + 4 * m, *dq = dh + m, *su = dq + 3 * m, *hu = su + m, *du = hu + m;
  double* room = du + m;
  product_slopes(n, m, atom.r4.data(), atom.g.data(), mantissas, dr4, work.dg.data());
  if (model.version == 1) multiply_channels(n, atom.factor.data(), work.dg.data());
  record.settle(kDg, n * kChannels, work.dg.data());
  feature_slopes(n, atom.slope.data(), atom.offset.data(), work.dg.data(), dr4);
  settle_components(record, kDR, 4, n, m, dr4);
  vector_slopes(n, m, atom.q.data(), atom.h.data(), dr4 + m, dh, dq);
  if (model.version == 1) {
    multiply_by(model.scales[2 * centre], n, dr4);
    multiply_by(model.scales[2 * centre + 1], n, dh);
  }
  record.settle(kDs, n, dr4);
  record.settle(kDh, n, dh);
  settle_components(record, kDq, 3, n, m, dq);
  look_up_switches(shared.switches, table_of(model.switch_slopes, net, 2), n, m, atom.u.data(), room, su, hu);
  squared_slopes(n, su, hu, dr4, dh, du);
  record.settle(kDu, n, du);
  double* pair = room;
  pair_forces(n, m, atom.q.data(), du, dq, pair);
  settle_components(record, kPair, 3, n, m, pair);
  for (int j = 0; j < n; ++j) {
    double* r = rij + 3 * atom.slot[j];
    for (int d = 0; d < 3; ++d)
      for (int e = 0; e < 3; ++e) virial[3 * d + e] += pair[d * m + j] * r[e];
    for (int d = 0; d < 3; ++d) r[d] = pair[d * m + j];
  }
}

}  // namespace nvnmd
