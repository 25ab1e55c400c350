// Back from the derivative by the descriptor to the forces on the neighbours.
#include <cmath>

#include "core/simulate_parts.h"
#include "core/simulate_rows.h"

namespace nvnmd {
namespace {

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

void settle_components(Record& record, Register r, int components, int n, int m, double* x) {
  for (int d = 0; d < components; ++d) record.settle(r, n, x + d * m);
}

/// What h is multiplied by on its way to the rows (s, R) [4, m].
NVNMD_CLONES void row_slopes_transposed(int n, int m, const AtomRows& atom, const Slopes& h, double by_s, double by_h,
                                        const double* su, const double* hu, double* r) {
  for (int j = 0; j < n; ++j) r[j] = by_s * su[j] * h.du[j];
  for (int d = 0; d < 3; ++d)
    for (int j = 0; j < n; ++j)
      r[(d + 1) * m + j] = atom.q[d * m + j] * (by_h * hu[j] * h.du[j]) + atom.h[j] * h.dq[d * m + j];
}

/// Slopes of the features by s, with the factors of the types.
NVNMD_CLONES void look_up_slopes(int n, const AtomRows& atom, bool factors, double* e) {
  for (int j = 0; j < n; ++j, e += kChannels) {
    look_up_channels(atom.slope[j], atom.offset[j], e);
    for (int c = 0; c < kChannels && factors; ++c) e[c] *= atom.factor[j][c];
  }
}

/// y [4, 32] += r g + r4 r_0 e of all slots.
NVNMD_CLONES void sums_transposed(int n, int m, const double* r4, const double* g, const double* r, const double* e,
                                  double* y) {
  for (int c = 0; c < kChannels; c += kLanes) {
    double part[4][kLanes] = {};
    for (int j = 0; j < n; ++j)
      for (int a = 0; a < 4; ++a)
        for (int l = 0; l < kLanes; ++l)
          part[a][l] += r[a * m + j] * g[j * kChannels + c + l] + r4[a * m + j] * r[j] * e[j * kChannels + c + l];
    for (int a = 0; a < 4; ++a)
      for (int l = 0; l < kLanes; ++l) y[a * kChannels + c + l] += part[a][l];
  }
}

void band_slope_transposed(const double* gr, const double* y, double scale, double* out) {
  for (int c = 0; c < kChannels; ++c)
    for (int k = 0; k < kBand; ++k) {
      const int other = (c + k) % kChannels;
      double total = 0;
      for (int a = 0; a < 4 * kChannels; a += kChannels) total += y[a + c] * gr[a + other] + y[a + other] * gr[a + c];
      out[c * kBand + k] = total * scale;
    }
}

}  // namespace

Slopes slopes(const Shared& shared, int centre, const double* dx, Workspace& work, const AtomRows& atom,
              Record& record) {
  const Tables& tables = shared.tables;
  const int m = atom.m, n = atom.used, net = tables.version == 0 ? centre : 0;
  double band[kNodes], dgr[4 * kChannels];
  for (int k = 0; k < kNodes; ++k) band[k] = truncated(dx[k]);
  const double largest = record.settle(kDDescriptor, kNodes, band);
  double largest_gr = 0;
  for (int k = 0; k < 4 * kChannels; ++k) largest_gr = larger(largest_gr, magnitude(atom.gr[k]));
  if (largest * largest_gr * kUp * kBand > kExact)
    band_slope<ByIntegers>(atom.gr, band, dgr);
  else
    band_slope_by_floats(atom.gr, band, dgr);
  truncate_scaled(4 * kChannels, tables.scale, dgr);
  record.settle(kDGr, 4 * kChannels, dgr);

  Aligned mantissas;
  align(dgr, mantissas);
  double *dr4 = work.slots.data(), *dh = dr4 + 4 * m, *dq = dh + m, *su = dq + 3 * m, *hu = su + m, *du = hu + m;
  product_slopes(n, m, atom.r4.data(), atom.g.data(), mantissas, dr4, work.dg.data());
  if (tables.version == 1) multiply_channels(n, atom.factor.data(), work.dg.data());
  record.settle(kDg, n * kChannels, work.dg.data());
  feature_slopes(n, atom.slope.data(), atom.offset.data(), work.dg.data(), dr4);
  settle_components(record, kDR, 4, n, m, dr4);
  vector_slopes(n, m, atom.q.data(), atom.h.data(), dr4 + m, dh, dq);
  if (tables.version == 1) {
    multiply_by(tables.scales[2 * centre], n, dr4);
    multiply_by(tables.scales[2 * centre + 1], n, dh);
  }
  record.settle(kDs, n, dr4);
  record.settle(kDh, n, dh);
  settle_components(record, kDq, 3, n, m, dq);
  look_up_switches(shared.switches, table_of(tables.switch_slopes, net, 2), n, m, atom.u.data(), du + m, su, hu);
  squared_slopes(n, su, hu, dr4, dh, du);
  record.settle(kDu, n, du);
  return {du, dq};
}

void slopes_transposed(const Shared& shared, int centre, const Slopes& h, Workspace& work, const AtomRows& atom,
                       double* out) {
  const Tables& tables = shared.tables;
  const int m = atom.m, n = atom.used, net = tables.version == 0 ? centre : 0;
  const double by_s = tables.version == 1 ? tables.scales[2 * centre] : 1;
  const double by_h = tables.version == 1 ? tables.scales[2 * centre + 1] : 1;
  double *r = work.slots.data(), *su = r + 4 * m, *hu = su + m, sums[4 * kChannels] = {};
  look_up_switches(shared.switches, table_of(tables.switch_slopes, net, 2), n, m, atom.u.data(), hu + m, su, hu);
  row_slopes_transposed(n, m, atom, h, by_s, by_h, su, hu, r);
  look_up_slopes(n, atom, tables.version == 1, work.dg.data());
  sums_transposed(n, m, atom.r4.data(), atom.g.data(), r, work.dg.data(), sums);
  band_slope_transposed(atom.gr, sums, tables.scale, out);
}

void forces(const Shared& shared, int centre, const double* dx, Workspace& work, const AtomRows& atom, Record& record,
            double* rij, double* virial) {
  const int m = atom.m, n = atom.used;
  const Slopes found = slopes(shared, centre, dx, work, atom, record);
  double* pair = work.slots.data() + 11 * m;
  pair_forces(n, m, atom.q.data(), found.du, found.dq, pair);
  settle_components(record, kPair, 3, n, m, pair);
  for (int j = 0; j < n; ++j) {
    double* r = rij + 3 * atom.slot[j];
    for (int d = 0; d < 3; ++d)
      for (int e = 0; e < 3; ++e) virial[3 * d + e] += pair[d * m + j] * r[e];
    for (int d = 0; d < 3; ++d) r[d] = pair[d * m + j];
  }
}

}  // namespace nvnmd
