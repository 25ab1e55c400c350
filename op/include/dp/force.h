// Forces from the derivative of the energy by the environment matrix, and the transpose of that map.
//
// C is the number of components of a slot, rows.components.
#pragma once

#include <cstdint>

#include "dp/context.h"
#include "dp/types.h"

namespace dp {

/// F[i] -= sum over components c of net[i, c] deriv[i, c, :], and the terms of slot k go to F[nlist[i, k]] with +.
///
/// net_deriv  [nframes, nloc, nnei, C], in: derivative of the energy by the environment matrix
/// deriv      [nframes, nloc, nnei, C, 3], in: as written by env_mat
/// nlist      [nframes, nloc, nnei], in: atoms in [0, nall), -1 for an empty slot, which is not read further
/// result     [nframes, nall, 3], out: overwritten; must not overlap the inputs
template <class T>
void force(const Rows& rows, const T* net_deriv, const T* deriv, const std::int32_t* nlist, T* result,
           const Context& context);

/// The transpose of force: grad_net[i, c] = (grad[nlist[i, k]] - grad[i]) . deriv[i, c, :] for c in slot k.
///
/// grad      [nframes, nall, 3], in; a neighbour j >= nall reads grad[j mod nall], so that a gradient without ghost
///           atoms (nall = nloc) can be given for a list that has some
/// deriv, nlist  as force
/// grad_net  [nframes, nloc, nnei, C], out: 0 in empty slots
template <class T>
void force_grad(const Rows& rows, const T* grad, const T* deriv, const std::int32_t* nlist, T* grad_net,
                const Context& context);

}  // namespace dp
