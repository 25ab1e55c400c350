// Features that are tabulated functions of one number per neighbour (or pair of neighbours), contracted with the rows
// of the environment matrix: real neighbours only, with derivatives up to second order, also by the table.
//
// A table holds value, first and second derivative of `width` features at knots; between two knots each feature is the
// quintic polynomial that agrees with all six, beyond the ends a straight line. It is linear in the knots, so the sum
// over the neighbours of an atom is made of scalars first (the sum of the weights that fall on each knot) and then
// contracted with the few knots that were touched.
#pragma once

#include <cstdint>
#include <vector>

#include "dp/context.h"
#include "dp/types.h"

namespace dp {

/// Sizes of the arrays.
struct TableSizes {
  std::int64_t natoms = 0;
  std::int64_t width = 0;   ///< features
  std::int64_t nknots = 0;  ///< knots of all nets together
  std::int64_t nnets = 0;
};

/// What a graph fixes when it is built.
struct TableNets {
  Slots slots;                     ///< neighbour slots of an atom, nnei in all
  std::vector<std::int32_t> nets;  ///< [ntypes * ntypes]; net of (centre, neighbour) type; -1: contributes nothing
};

/// Inputs that all functions share. C is 8, 4 or 1 numbers per row.
template <class T>
struct TableInput {
  const T* rows;               ///< [natoms, nnei, C] normalised environment matrix
  const std::int32_t* nlist;   ///< [natoms, nnei]; negative: empty slot
  const std::int32_t* center;  ///< [natoms]; type of the atom; negative: virtual, contributes nothing
  const T* empty;              ///< [ntypes, ntypes, C] row of an empty slot by (centre, neighbour) type
  const T* table;              ///< [nknots, 3, width] value, first and second derivative
  const double* grid;          ///< [nnets, 8]: first knot, x0, then length and number of the intervals of 3 stretches
};

/// Outputs of the derivatives; null leaves the work out.
template <class T>
struct TableGrad {
  T* x;      ///< like x
  T* rows;   ///< [natoms, nnei, C]; 0 for an empty slot
  T* table;  ///< [nknots, 3, width]
};

/// Sum over the neighbours j of atom i and its empty slots, f the net of the types and C = 4 or 8:
///   x[i, a, :] = sum row_j[a] f(row_j[0]) + sum over types of (number of empty slots) empty[a] f(empty[0]);
/// with C = 1 the factors row[a] and empty[a] are left out. x [natoms, C, width], out.
/// Returns how many real neighbours lie outside of the knots.
/// Throws InvalidInput, as all functions here, for a grid that does not fit the table and for types out of range.
template <int C, class T>
std::int64_t table_sum(const TableSizes& sizes, const TableNets& nets, const TableInput<T>& in, T* x,
                       const Context& context);

/// Derivatives of <dx, x> by rows and table. dx [natoms, C, width], in; grad.x is not used.
template <int C, class T>
void table_sum_grad(const TableSizes& sizes, const TableNets& nets, const TableInput<T>& in, const T* dx,
                    const TableGrad<T>& grad, const Context& context);

/// Derivatives of <ddrows, drows> by dx, rows and table, where drows is the first derivative by rows.
template <int C, class T>
void table_sum_grad_grad(const TableSizes& sizes, const TableNets& nets, const TableInput<T>& in, const T* dx,
                         const T* ddrows, const TableGrad<T>& grad, const Context& context);

/// Sum over the pairs of neighbours of atom i, type by type (ti <= tj), f the net of ti (as centre) and tj:
///   x[i, :] = sum over ti, tj of 1/(slots of ti * slots of tj) sum over j of ti, k of tj of E f(E),
///   E = row_j[1:4] . row_k[1:4],
/// all ordered pairs, j with itself as well; an empty slot has E = 0. C = 4; `empty` is not read, the type of the
/// centre only to know a virtual atom. x [natoms, width], out.
/// Returns how many pairs, each once, lie outside of the knots.
template <class T>
std::int64_t table_three_body(const TableSizes& sizes, const TableNets& nets, const TableInput<T>& in, T* x,
                              const Context& context);

/// Derivatives of <dx, x> by rows and table; as table_sum_grad.
template <class T>
void table_three_body_grad(const TableSizes& sizes, const TableNets& nets, const TableInput<T>& in, const T* dx,
                           const TableGrad<T>& grad, const Context& context);

/// Derivatives of <ddrows, drows> by dx, rows and table; as table_sum_grad_grad.
template <class T>
void table_three_body_grad_grad(const TableSizes& sizes, const TableNets& nets, const TableInput<T>& in, const T* dx,
                                const T* ddrows, const TableGrad<T>& grad, const Context& context);

/// Outputs of the derivatives of table_factor; null leaves the work out.
template <class T>
struct FactorGrad {
  T* x;       ///< like x
  T* rows;    ///< [natoms, nnei, 4]; 0 for a slot that contributes nothing
  T* factor;  ///< [natoms, nnei, width]; the same
  T* table;   ///< [nknots, 3, width]
};

/// Sum over the neighbours j of atom i with a factor per neighbour and feature:
///   x[i, a, :] = sum row_j[a] f(row_j[0]) (1 + factor_j).
/// Slots with a negative nlist are skipped: an empty slot that contributes must be given as if it held a neighbour.
/// factor [natoms, nnei, width], in; x [natoms, 4, width], out; `empty` is not read.
/// Returns how many neighbours lie outside of the knots.
template <class T>
std::int64_t table_factor(const TableSizes& sizes, const TableNets& nets, const TableInput<T>& in, const T* factor,
                          T* x, const Context& context);

/// Derivatives of <dx, x> by rows, factor and table; grad.x is not used.
template <class T>
void table_factor_grad(const TableSizes& sizes, const TableNets& nets, const TableInput<T>& in, const T* factor,
                       const T* dx, const FactorGrad<T>& grad, const Context& context);

/// Derivatives of <ddrows, drows> + <ddfactor, dfactor> by dx, rows, factor and table, where drows and dfactor are the
/// first derivatives.
template <class T>
void table_factor_grad_grad(const TableSizes& sizes, const TableNets& nets, const TableInput<T>& in, const T* factor,
                            const T* dx, const T* ddrows, const T* ddfactor, const FactorGrad<T>& grad,
                            const Context& context);

}  // namespace dp
