// The table of kernels of one target. This header is compiled with the flags of every target, so it holds plain data
// only: an inline function here could reach other processors with instructions that they lack.
#pragma once

#include <cstdint>

#include "dp/activation_kind.h"
#include "dp/norm_tangent.h"
#include "dp/polynomial_table.h"

namespace dp {

/// The switching function: S falls from 1 to 0 over rmin + [0, 1/scale]. A scale of 0 means a step at the cutoff.
template <class T>
struct Switch {
  T rmin;
  T scale;
};

/// The knots of one net of a table: up to three stretches of equal intervals, one after the other.
struct KnotGrid {
  double start[3];        ///< first knot of each stretch; infinite where there is none
  double h[3];            ///< length of its intervals
  double inverse[3];      ///< 1 / h
  double end;             ///< last knot of all
  double slack;           ///< an argument beyond the knots by no more is there by rounding, and not outside
  std::int32_t first[3];  ///< number of its first knot in the net
  std::int32_t last[3];   ///< number of its last interval in the stretch
};

/// Contractions with the knots of a table for matrices of C rows; `knot` [n] are numbers of knots of the net, `sums`
/// and `z` [knots of the net, 3, C], `weight` [6, n], `table` [knots of the net, 3, m].
template <class T>
struct TableKernels {
  /// sums[knot, :, :] += weight (x) row, on the knot of each entry and the next. row [n, C], in.
  void (*spread)(std::int64_t n, const std::int32_t* knot, const T* weight, const T* row, T* sums);
  /// The transpose of spread. z, in; y [n, C], out.
  void (*gather)(std::int64_t n, const std::int32_t* knot, const T* weight, const T* z, T* y);
  /// x [C, m] += sum over n knots of sums . table.
  void (*outer)(std::int64_t n, std::int64_t m, const std::int32_t* knot, const T* sums, const T* table, T* x);
  /// z of n knots = table . x [C, m].
  void (*dot)(std::int64_t n, std::int64_t m, const std::int32_t* knot, const T* table, const T* x, T* z);
  /// The three rows of one knot, table [3, m] = sum over n entries e of sums[e] [3, C] . x[e] [C, m].
  void (*update)(std::int64_t n, std::int64_t m, const T* const* sums, const T* const* x, T* table);
};

/// One centre of force, of virial or of both; what a kernel does not make or need may be null.
template <class T>
struct PairKernels {
  /// centre [3], force [nall, 3], virial [9] and atom_virial [nall, 9] (or null) are added to.
  void (*row)(int nnei, const T* net, const T* deriv, const T* rij, const std::int32_t* nlist, T* centre, T* force,
              T* virial, T* atom_virial);

  /// The transpose. centre [3], grad [nall, 3], grad_virial [9], grad_atom [nall, 9] (or null), in;
  /// grad_net [nnei, C], out.
  void (*gradient)(int nnei, int nall, const T* centre, const T* grad, const T* grad_virial, const T* grad_atom,
                   const T* deriv, const T* rij, const std::int32_t* nlist, T* grad_net);
};

/// Kernels over the slots of one centre, of C components each.
template <class T>
struct RowKernels {
  /// Environment matrix rows of n neighbours: rij [n, 3], shift and scale [n, C], in;
  /// descrpt [n, C], out; deriv [n, C, 3], out, or null.
  void (*env_rows)(int n, const T* rij, const Switch<T>& sw, const T* shift, const T* scale, T* descrpt, T* deriv);
  PairKernels<T> force, virial, force_virial;
};

/// Where a number lies in a polynomial table.
template <class T>
struct TabulatedPoint {
  const T* row;  ///< [width, 6]: the coefficients of its interval
  T u;           ///< the argument of the polynomials
  T beyond;      ///< how far outside the table it lies; 0 inside
};

/// Factors of the n rows of tabulate_sum.
template <class T>
struct TabulateFactors {
  const T* value;  ///< [n, components]: of f
  const T* slope;  ///< [n]: of em f', or null
  const T* em;     ///< [n, components]; not read where slope is null
  const T* two;    ///< [n, width], or null: f and f' count 1 + two times
  const T* dtwo;   ///< [n, width], or null: of em f; read only where slope and two are given
};

/// Arguments of tabulate_dot. n rows; outputs first.
template <class T>
struct TabulateProducts {
  T* value;       ///< [n, components]: sum over k of dy[a, k] f(k)
  T* slope;       ///< [n]: sum over a and k of em[a] dy[a, k] f'(k)
  T* dtwo;        ///< [n, width], or null: sum over a of em[a] dy[a, k] f(k)
  const T* em;    ///< [n, components]
  const T* two;   ///< [n, width], or null: f and f' of value and slope count 1 + two times
  const T* dy;    ///< [components, width]
};

/// One atom of the attention: n rows, and stride, n up to a whole cache line. Arrays [.., stride] hold zeros beyond n.
template <class T>
struct AttentionAtom {
  std::int64_t n, stride;
  T scale, shift;  ///< logits are (scale q.k + shift) s[m] s[n] - shift
  T empty;         ///< terms of logit -shift beside the n
  bool off_diagonal;
  const T* s;  ///< [stride]
  const T* e;  ///< [3, stride]
  T* row;      ///< [2, stride], of any value
};

/// Rows of q, k or v divided by their norms, [n, width]; beside them numbers of each row, [stride].
template <class T>
struct AttentionUnit {
  T *unit, *tangent;
  T* inverse;  ///< 1 / divisor
  T* round;    ///< 1 where the divisor follows the row, 0 where it is constant
  T *bend, *along, *drift;
};

/// The tangents of one atom: products over pairs, in, and the weights that are made of them.
template <class T>
struct AttentionTangent {
  const T *qk, *left, *right;  ///< q.k, tangent of q . k, q . tangent of k
  const T *s, *e;              ///< tangents [stride] and [3, stride]
  T *weight, *weight_t;        ///< weights and their tangents, out
};

/// Arrays of the second order of one atom: matrices over pairs that come as products and leave as left operands.
template <class T>
struct AttentionSecond {
  AttentionTangent<T> t;  ///< weight: do2.v, in, as well; weight_t: do . tangent of v, in, as well
  const T* b;             ///< do.v
  T* bar;    ///< derivative by the tangent of q.k, out
  T* left;   ///< what k is multiplied with for the derivative by q, out
  T* right;  ///< what, transposed, q is multiplied with for the derivative by k, out
  T* for_v;  ///< what, transposed, do is multiplied with for the derivative by v, out
  AttentionUnit<T> q, k, v;  ///< bend, in; along and drift, out
  T *ds, *de;             ///< [stride] and [3, stride], out
};

template <class T>
struct Kernels {
  /// Find the points nearer to `centre` [3] than the cutoff: strictly in T and, inclusively, in float32.
  /// x, y, z [n], in. position, distance2 [n], out: index and float32 squared distance of each one found.
  /// Returns how many were found.
  int (*within)(int n, const T* x, const T* y, const T* z, const T* centre, T rcut2, float rcut2_f32,
                std::int32_t* position, float* distance2);

  RowKernels<T> full, radial;  ///< rows of 4 and of 1 component

  /// One group of n rows and m columns: env [n, 4], feature [n, m], x [4, m]; the last argument is written.
  void (*group_outer)(std::int64_t n, std::int64_t m, const T* env, const T* feature, T* x);
  void (*group_spread)(std::int64_t n, std::int64_t m, const T* env, const T* x, T* feature);
  void (*group_dot)(std::int64_t n, std::int64_t m, const T* feature, const T* x, T* env);

  /// The interval of each of n arguments (its left knot) and the Hermite weights of the six numbers at its ends, with
  /// their first (dw, or null) and second derivatives (ddw, or null) by x. w, dw, ddw [6, n], out.
  /// Returns how many arguments lie outside; there the function goes on as a straight line.
  std::int64_t (*hermite)(const KnotGrid& grid, std::int64_t n, const T* x, std::int32_t* knot, T* w, T* dw, T* ddw);
  TableKernels<T> table1, table4, table8;

  /// One neighbour with n others: out [n] += a [3] . y [3, stride]; and the transpose, for rows of 4:
  /// other [n, 4] += d [n] (x) row [4], one [4] += d . rows [n, 4], where `one` is not among the rows of `other`.
  void (*pair_dots)(std::int64_t n, const T* a, const T* y, std::int64_t stride, T* out);
  void (*pair_rows)(std::int64_t n, const T* d, const T* row, const T* rows, T* one, T* other);
  /// Weights of the derivative of x f(x) and of higher ones: dw [6, n] becomes factor w + x dw.
  void (*pair_product)(std::int64_t n, T factor, const T* x, const T* w, T* dw);

  /// Features of n neighbours one by one, and what their factors make of those of one neighbour; see factor.inl.
  void (*table_features)(std::int64_t n, std::int64_t m, const std::int32_t* knot, const T* weight, const T* table,
                         T* feature);
  void (*table_scatter)(std::int64_t m, const T* weight, std::int64_t stride, const T* feature, T* table);
  void (*factor_times)(std::int64_t m, const T* factor, T* feature);
  T (*factor_grad)(std::int64_t m, const T* factor, const T* y, const T* df, T* f, T* by_feature, T* dfactor);
  T (*factor_grad_grad)(std::int64_t m, const T* factor, const T* u, const T* y, const T* z, T g, const T* ddf, T* f,
                        T* df, T* by_feature, T* by_slope, T* dfactor);

  void (*tabulate_locate)(const PolynomialTable<T>& table, std::int64_t n, const T* x, TabulatedPoint<T>* points);

  /// out[a, k] += sum over n rows of value[a] f(k) (1 + two[k]) + em[a] (slope f'(k) (1 + two[k]) + dtwo[k] f(k));
  /// components (1 or 4) of a, m columns k.
  void (*tabulate_sum)(int components, std::int64_t n, std::int64_t m, const TabulatedPoint<T>* points,
                       const TabulateFactors<T>& factors, T* out);
  void (*tabulate_dot)(int components, std::int64_t n, std::int64_t m, const TabulatedPoint<T>* points,
                       const TabulateProducts<T>& products);

  /// Of one matrix: d [m, n] = or += x [4, m]^T . y [4, first n of m]; z [4, m] = the transpose of both factors.
  void (*gram)(std::int64_t m, std::int64_t n, const T* x, const T* y, T* d, bool add);
  void (*gram_spread)(std::int64_t m, std::int64_t n, const T* d, const T* y, T* z);

  void (*gelu)(std::int64_t n, const T* x, T* y);
  void (*gelu_grad)(std::int64_t n, const T* dy, const T* x, T* dx);
  void (*gelu_grad_grad)(std::int64_t n, const T* dy, const T* dy2, const T* x, T* out);

  /// See dp/activation.h; the kernel is one thread's.
  void (*activate)(const Activation& f, std::int64_t n, const T* x, T* value, T* first, T* second);

  /// Products c [m, n] of one thread, added to c where `add` is set; row i of c is c[i].
  /// Of a [m, k], row i is a[i], and b [k, n], rows ldb apart.
  void (*product)(std::int64_t m, std::int64_t n, std::int64_t k, const T* const* a, const T* b, std::int64_t ldb,
                  T* const* c, bool add);
  /// Of at [k, m], transposed, rows lda apart, and b [n, k], transposed, rows ldb apart.
  void (*product_bt)(std::int64_t m, std::int64_t n, std::int64_t k, const T* at, std::int64_t lda, const T* b,
                     std::int64_t ldb, T* const* c, bool add);
  /// Of the columns first .. first + m - 1 of a [k, ...], transposed, row l is a[l], and b [k, n], rows ldb apart.
  void (*product_at)(std::int64_t m, std::int64_t n, std::int64_t k, const T* const* a, std::int64_t first, const T* b,
                     std::int64_t ldb, T* const* c, bool add);

  /// The attention of one atom, see attention.inl. Of q.k [n, stride] the weights w.
  void (*attention_weights)(const AttentionAtom<T>& atom, const T* qk, T* w);
  /// The same, and of b = do.v the derivative by q.k, dw. ds [stride], de [3, stride], out.
  void (*attention_grad)(const AttentionAtom<T>& atom, const T* qk, const T* b, T* w, T* dw, T* ds, T* de);
  void (*attention_tangent)(const AttentionAtom<T>& atom, const AttentionTangent<T>& io);
  void (*attention_second)(const AttentionAtom<T>& atom, const AttentionSecond<T>& io);
  /// Rows of x, xt and dx are ldx apart.
  void (*attention_unit)(std::int64_t n, std::int64_t width, T floor2, const T* x, std::int64_t ldx,
                         const AttentionUnit<T>& u);
  void (*attention_unit_tangent)(std::int64_t n, std::int64_t width, const T* xt, std::int64_t ldx,
                                 const AttentionUnit<T>& u);
  void (*attention_unit_back)(std::int64_t n, std::int64_t width, const AttentionUnit<T>& u, bool second, T* dx,
                              std::int64_t ldx);

  /// n rows of the residual norm and its derivatives, see norm.inl. scratch [5, m up to whole cache lines].
  void (*norm)(std::int64_t n, std::int64_t m, T eps, const T* x, const T* o, const T* gamma, const T* beta, T* scratch,
               T* y);
  void (*norm_grad)(std::int64_t n, std::int64_t m, T eps, const T* x, const T* o, const T* gamma, const T* dy,
                    T* scratch, T* dz, T* dgamma, T* dbeta);
  void (*norm_grad_grad)(std::int64_t n, std::int64_t m, T eps, const NormTangent<T>& in, T* scratch, T* ddy, T* dz,
                         T* dgamma);
};

}  // namespace dp
