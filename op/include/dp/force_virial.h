// Force and virial in one pass over the derivative of the environment matrix, and the transpose of that map.
//
// C is the number of components of a slot, rows.components; inputs are those of force.h and virial.h.
#pragma once

#include <cstdint>

#include "dp/context.h"
#include "dp/types.h"

namespace dp {

/// What to compute; each pointer may be null: that array is then not computed.
///
/// force        [nframes, nall, 3]
/// virial       [nframes, 9]
/// atom_virial  [nframes, nall, 9]
template <class T>
struct ForceVirialOutput {
  T* force = nullptr;
  T* virial = nullptr;
  T* atom_virial = nullptr;
};

/// The results of `force` and `virial`.
template <class T>
void force_virial(const Rows& rows, const T* net_deriv, const T* deriv, const T* rij, const std::int32_t* nlist,
                  const ForceVirialOutput<T>& out, const Context& context);

/// The sum of `force_grad` and `virial_grad`.
///
/// grad_force   [nframes, nall, 3], in; a neighbour j >= nall reads grad_force[j mod nall]
/// grad_virial  [nframes, 9], in
/// grad_net     [nframes, nloc, nnei, C], out: 0 in empty slots
template <class T>
void force_virial_grad(const Rows& rows, const T* grad_force, const T* grad_virial, const T* deriv, const T* rij,
                       const std::int32_t* nlist, T* grad_net, const Context& context);

}  // namespace dp
