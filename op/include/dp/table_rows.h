// Features that are tabulated functions of one number, row by row, with first and second derivatives, also by the table.
// The tables are those of dp/table.h, which sums over the neighbours of an atom at once.
#pragma once

#include <cstdint>

#include "dp/context.h"

namespace dp {

/// Sizes of the arrays.
struct TableRows {
  std::int64_t nrows = 0;
  std::int64_t width = 0;   ///< features
  std::int64_t nknots = 0;  ///< knots of all nets together
  std::int64_t nnets = 0;
};

template <class T>
struct TableRowsInput {
  const T* x;               ///< [nrows] arguments
  const std::int32_t* net;  ///< [nrows], from 0 below nnets
  const T* table;           ///< [nknots, 3, width] value, first and second derivative
  const double* grid;       ///< [nnets, 8]: first knot, x0, then length and number of the intervals of 3 stretches
};

/// y[r, :] = f(x[r]) with f the net of the row. y [nrows, width], out. Returns how many x lie outside of the knots.
/// Throws InvalidInput, as all three, for a grid that does not fit the table and for nets that there are not.
template <class T>
std::int64_t table_rows(const TableRows& sizes, const TableRowsInput<T>& in, T* y, const Context& context);

/// Derivatives of <dy, y>: dx [nrows] and dtable [nknots, 3, width], out; each may be null. dy [nrows, width], in.
template <class T>
void table_rows_grad(const TableRows& sizes, const TableRowsInput<T>& in, const T* dy, T* dx, T* dtable,
                     const Context& context);

/// Derivatives of <ddx, dx>, dx the first derivative by x: by dy (ddy [nrows, width]), by x (dx) and by the table, out;
/// each may be null. ddx [nrows], in.
template <class T>
void table_rows_grad_grad(const TableRows& sizes, const TableRowsInput<T>& in, const T* dy, const T* ddx, T* ddy,
                          T* dx, T* dtable, const Context& context);

}  // namespace dp
