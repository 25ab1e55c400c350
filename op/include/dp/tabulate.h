// Sums over neighbours of an embedding net that was replaced by a table of polynomials: the ops TabulateFusion*.
#pragma once

#include <cstdint>

#include "dp/context.h"
#include "dp/polynomial_table.h"

namespace dp {

/// Sizes of the arrays: `nrows` neighbour slots for each of `ngroups` atoms.
struct TabulateRows {
  std::int64_t ngroups = 0;
  std::int64_t nrows = 0;
  /// The empty slots of an atom are equal and stand at its end. Then the first slot j whose x is that of the last slot
  /// and whose em[1..3] are 0 counts (nrows - j) times, and the slots after it not at all.
  bool sorted = false;
};

// Below, f(k, x) is output k of the table: its polynomial inside the table, and outside the straight line that continues
// value and slope at the end; f' is its derivative (constant outside). In every function
//
//   x    [ngroups, nrows], in
//   em   [ngroups, nrows, 4], in
//   two  [ngroups, nrows, width], in, or null for 0: f is multiplied by 1 + two
//
// Outputs are overwritten; one that is null is left out. L is the width of the table.
// All throw InvalidInput for a table that does not reach over its range or whose steps are not positive.

/// out[i, m, k] = sum over j of em[i, j, m] f(k, x[i, j]) (1 + two[i, j, k]); out [ngroups, 4, L].
template <class T>
void tabulate_a(const PolynomialTable<T>& table, const TabulateRows& rows, const T* x, const T* em, const T* two,
                T* out, const Context& context);

/// Derivatives of sum(dy * out) by x, em and two; dy [ngroups, 4, L].
template <class T>
void tabulate_a_grad(const PolynomialTable<T>& table, const TabulateRows& rows, const T* x, const T* em, const T* two,
                     const T* dy, T* dx, T* dem, T* dtwo, const Context& context);

/// Derivative by dy of sum(dz_dx * dx) + sum(dz_dem * dem) + sum(dz_dtwo * dtwo); dz_dtwo is null where two is.
template <class T>
void tabulate_a_grad_grad(const PolynomialTable<T>& table, const TabulateRows& rows, const T* x, const T* em,
                          const T* two, const T* dz_dx, const T* dz_dem, const T* dz_dtwo, T* dz_dy,
                          const Context& context);

/// out[i, k] = sum over j of x[i, j] f(k, x[i, j]); out [ngroups, L]. `sorted` is not looked at.
template <class T>
void tabulate_t(const PolynomialTable<T>& table, const TabulateRows& rows, const T* x, T* out, const Context& context);

/// The two parts of the derivative of sum(dy * out): by the x inside of f, and by the factor x, called em.
template <class T>
void tabulate_t_grad(const PolynomialTable<T>& table, const TabulateRows& rows, const T* x, const T* dy, T* dx,
                     T* dem, const Context& context);

/// Derivative by dy of sum(dz_dx * dx) + sum(dz_dem * dem).
template <class T>
void tabulate_t_grad_grad(const PolynomialTable<T>& table, const TabulateRows& rows, const T* x, const T* dz_dx,
                          const T* dz_dem, T* dz_dy, const Context& context);

/// out[i, j, k] = f(k, x[i, j]); out [ngroups, nrows, L]. `sorted` is not looked at.
template <class T>
void tabulate_r(const PolynomialTable<T>& table, const TabulateRows& rows, const T* x, T* out, const Context& context);

/// Derivative of sum(dy * out) by x.
template <class T>
void tabulate_r_grad(const PolynomialTable<T>& table, const TabulateRows& rows, const T* x, const T* dy, T* dx,
                     const Context& context);

/// Derivative by dy of sum(dz_dx * dx); dz_dy [ngroups, nrows, L].
template <class T>
void tabulate_r_grad_grad(const PolynomialTable<T>& table, const TabulateRows& rows, const T* x, const T* dz_dx,
                          T* dz_dy, const Context& context);

}  // namespace dp
