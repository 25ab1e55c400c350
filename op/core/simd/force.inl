// Force and virial of one centre whose slots have C components, 4 or 1, and the transposes of these maps. Included by
// each target inside its own namespace.
//
// The force on a neighbour, 3 numbers, is formed once for each real slot (3 C multiply-adds); centre, virial and
// atomic virial are made from it. Empty slots cost one comparison. Force and virial can be asked for alone: kForce,
// kVirial.

/// f[d] = sum over the components of net[c] deriv[c, d].
template <int C, class T>
inline void neighbor_force(const T* net, const T* deriv, T (&f)[3]) {
  for (int d = 0; d < 3; ++d)
    if constexpr (C == 1)
      f[d] = net[0] * deriv[d];
    else
      f[d] = (net[0] * deriv[d] + net[1] * deriv[3 + d]) + (net[2] * deriv[6 + d] + net[3] * deriv[9 + d]);
}

template <int C, bool kForce, bool kVirial, class T>
void pair_row(int nnei, const T* net, const T* deriv, const T* rij, const std::int32_t* nlist, T* centre, T* force,
              T* virial, T* atom_virial) {
  T sum[3] = {0, 0, 0}, virial_sum[9] = {0, 0, 0, 0, 0, 0, 0, 0, 0};
  T f[3], w[9];
  for (int k = 0; k < nnei; ++k) {
    if (nlist[k] < 0) continue;
    const std::int64_t j = nlist[k];
    neighbor_force<C>(net + C * k, deriv + 3 * C * k, f);
    if constexpr (kForce)
      for (int d = 0; d < 3; ++d) {
        force[3 * j + d] += f[d];
        sum[d] += f[d];
      }
    if constexpr (kVirial) {
      for (int d = 0; d < 3; ++d)
        for (int e = 0; e < 3; ++e) w[3 * d + e] = f[d] * rij[3 * k + e];
      for (int d = 0; d < 9; ++d) virial_sum[d] += w[d];
      if (atom_virial == nullptr) continue;
      for (int d = 0; d < 9; ++d) atom_virial[9 * j + d] += w[d];
    }
  }
  if constexpr (kForce)
    for (int d = 0; d < 3; ++d) centre[d] -= sum[d];
  if constexpr (kVirial)
    for (int d = 0; d < 9; ++d) virial[d] += virial_sum[d];
}

/// v[d] = sum over e of g[d, e] r[e], g being grad_virial and what falls to the neighbour.
template <class T>
inline void strain(const T* grad_virial, const T* of_neighbor, const T* r, T (&v)[3]) {
  T g[9];
  for (int d = 0; d < 9; ++d) g[d] = grad_virial[d];
  if (of_neighbor != nullptr)
    for (int d = 0; d < 9; ++d) g[d] += of_neighbor[d];
  for (int d = 0; d < 3; ++d) v[d] = g[3 * d] * r[0] + g[3 * d + 1] * r[1] + g[3 * d + 2] * r[2];
}

/// grad_net[c] = deriv[c, :] . v for the components of a slot.
template <int C, class T>
inline void slot_gradient(const T* deriv, const T (&v)[3], T* grad_net) {
  for (int c = 0; c < C; ++c)
    grad_net[c] = deriv[3 * c] * v[0] + deriv[3 * c + 1] * v[1] + deriv[3 * c + 2] * v[2];
}

template <int C, bool kForce, bool kVirial, class T>
void pair_grad_row(int nnei, int nall, const T* centre, const T* grad, const T* grad_virial, const T* grad_atom,
                   const T* deriv, const T* rij, const std::int32_t* nlist, T* grad_net) {
  T v[3] = {0, 0, 0}, difference[3];
  for (int k = 0; k < nnei; ++k) {
    T* out = grad_net + C * k;
    if (nlist[k] < 0) {
      for (int c = 0; c < C; ++c) out[c] = 0;
      continue;
    }
    if constexpr (kVirial)
      strain(grad_virial, grad_atom == nullptr ? nullptr : grad_atom + 9 * static_cast<std::int64_t>(nlist[k]),
             rij + 3 * k, v);
    if constexpr (kForce) {
      const std::int64_t j = nlist[k] < nall ? nlist[k] : nlist[k] % nall;
      for (int d = 0; d < 3; ++d) difference[d] = grad[3 * j + d] - centre[d];
      for (int d = 0; d < 3; ++d) v[d] = kVirial ? v[d] + difference[d] : difference[d];
    }
    slot_gradient<C>(deriv + 3 * C * k, v, out);
  }
}
