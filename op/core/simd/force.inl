// Force and virial of one centre. Included by each target inside its own namespace.
//
// The force on a neighbour, 3 numbers, is formed once for each real slot (12 multiply-adds); centre, virial and
// atomic virial are made from it. Empty slots cost one comparison.

/// f[d] = sum over the 4 components of net[c] deriv[c, d].
template <class T>
inline void neighbor_force(const T* net, const T* deriv, T (&f)[3]) {
  for (int d = 0; d < 3; ++d)
    f[d] = (net[0] * deriv[d] + net[1] * deriv[3 + d]) + (net[2] * deriv[6 + d] + net[3] * deriv[9 + d]);
}

template <class T>
void force_row(int nnei, const T* net, const T* deriv, const std::int32_t* nlist, T* centre, T* force) {
  T sum[3] = {0, 0, 0};
  T f[3];
  for (int k = 0; k < nnei; ++k) {
    if (nlist[k] < 0) continue;
    neighbor_force(net + 4 * k, deriv + 12 * k, f);
    T* to = force + 3 * static_cast<std::int64_t>(nlist[k]);
    for (int d = 0; d < 3; ++d) {
      to[d] += f[d];
      sum[d] += f[d];
    }
  }
  for (int d = 0; d < 3; ++d) centre[d] -= sum[d];
}

/// grad_net[c] = deriv[c, :] . v for the 4 components of a slot.
template <class T>
inline void slot_gradient(const T* deriv, const T (&v)[3], T* grad_net) {
  for (int c = 0; c < 4; ++c)
    grad_net[c] = deriv[3 * c] * v[0] + deriv[3 * c + 1] * v[1] + deriv[3 * c + 2] * v[2];
}

template <class T>
void force_grad_row(int nnei, int nall, const T* centre, const T* grad, const T* deriv, const std::int32_t* nlist,
                    T* grad_net) {
  T v[3];
  for (int k = 0; k < nnei; ++k) {
    T* out = grad_net + 4 * k;
    if (nlist[k] < 0) {
      for (int c = 0; c < 4; ++c) out[c] = 0;
      continue;
    }
    const int j = nlist[k] < nall ? nlist[k] : nlist[k] % nall;
    for (int d = 0; d < 3; ++d) v[d] = grad[3 * static_cast<std::int64_t>(j) + d] - centre[d];
    slot_gradient(deriv + 12 * k, v, out);
  }
}

template <class T>
void virial_row(int nnei, const T* net, const T* deriv, const T* rij, const std::int32_t* nlist, T* virial,
                T* atom_virial) {
  T sum[9] = {0, 0, 0, 0, 0, 0, 0, 0, 0};
  T f[3], w[9];
  for (int k = 0; k < nnei; ++k) {
    if (nlist[k] < 0) continue;
    neighbor_force(net + 4 * k, deriv + 12 * k, f);
    for (int d = 0; d < 3; ++d)
      for (int e = 0; e < 3; ++e) w[3 * d + e] = f[d] * rij[3 * k + e];
    for (int d = 0; d < 9; ++d) sum[d] += w[d];
    if (atom_virial == nullptr) continue;
    T* to = atom_virial + 9 * static_cast<std::int64_t>(nlist[k]);
    for (int d = 0; d < 9; ++d) to[d] += w[d];
  }
  for (int d = 0; d < 9; ++d) virial[d] += sum[d];
}

template <class T>
void virial_grad_row(int nnei, const T* grad, const T* grad_atom, const T* deriv, const T* rij,
                     const std::int32_t* nlist, T* grad_net) {
  T g[9], v[3];
  for (int k = 0; k < nnei; ++k) {
    T* out = grad_net + 4 * k;
    if (nlist[k] < 0) {
      for (int c = 0; c < 4; ++c) out[c] = 0;
      continue;
    }
    for (int d = 0; d < 9; ++d) g[d] = grad[d];
    if (grad_atom != nullptr)
      for (int d = 0; d < 9; ++d) g[d] += grad_atom[9 * static_cast<std::int64_t>(nlist[k]) + d];
    const T* r = rij + 3 * k;
    for (int d = 0; d < 3; ++d) v[d] = g[3 * d] * r[0] + g[3 * d + 1] * r[1] + g[3 * d + 2] * r[2];
    slot_gradient(deriv + 12 * k, v, out);
  }
}
