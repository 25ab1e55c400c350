// Virial from the derivative of the energy by the environment matrix, and the transpose of that map.
#pragma once

#include <cstdint>

#include "dp/context.h"
#include "dp/types.h"

namespace dp {

/// W[d, e] = sum over slots of f[d] rij[e] with f the force on the neighbour of the slot.
///
/// net_deriv, deriv, nlist  as force
/// rij          [nframes, nloc, nnei, 3], in
/// result       [nframes, 9], out: overwritten
/// atom_virial  [nframes, nall, 9], out: overwritten; a slot's term goes to its neighbour; null to leave it out
template <class T>
void virial(const Rows& rows, const T* net_deriv, const T* deriv, const T* rij, const std::int32_t* nlist, T* result,
            T* atom_virial, const Context& context);

/// The transpose: grad_net[i, c] = sum_{d,e} G[d, e] deriv[i, c, d] rij[k, e] for c in slot k, with
/// G = grad_virial + grad_atom_virial[nlist[i, k]].
///
/// grad_virial       [nframes, 9], in
/// grad_atom_virial  [nframes, nall, 9], in; null for 0
/// grad_net          [nframes, nloc, nnei, C], out: 0 in empty slots
template <class T>
void virial_grad(const Rows& rows, const T* grad_virial, const T* grad_atom_virial, const T* deriv, const T* rij,
                 const std::int32_t* nlist, T* grad_net, const Context& context);

}  // namespace dp
