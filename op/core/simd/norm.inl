// Layer normalisation of a sum of two arrays, row by row. Included by each target inside its own namespace, after
// attention.inl. A row stays in the first cache from pass to pass; sums have the lanes of one cache line.

/// Row by row: h = (x + o - mean) / sqrt(variance + eps); returns the inverse of the root. ones [m].
template <class T>
inline T standard_row(std::int64_t m, T eps, const T* ones, const T* x, const T* o, T* __restrict__ h) {
  for (std::int64_t j = 0; j < m; ++j) h[j] = x[j] + o[j];
  const T mean = dot(m, ones, h) / T(m);
  for (std::int64_t j = 0; j < m; ++j) h[j] -= mean;
  const T inverse = 1 / root(dot(m, h, h) / T(m) + eps);
  for (std::int64_t j = 0; j < m; ++j) h[j] *= inverse;
  return inverse;
}

/// out = factor (a - mean of a - h (mean of h a + more)): how a change of the sum moves h, and the transpose of that.
template <class T>
inline void project_row(std::int64_t m, T factor, const T* ones, const T* h, T more, const T* a, T* __restrict__ out) {
  const T mean = dot(m, ones, a) / T(m), along = dot(m, h, a) / T(m) + more;
  for (std::int64_t j = 0; j < m; ++j) out[j] = factor * ((a[j] - mean) - h[j] * along);
}

template <class T>
inline T* row_of_ones(std::int64_t m, T* to) {
  for (std::int64_t j = 0; j < m; ++j) to[j] = 1;
  return to;
}

/// From row to row of the scratch, each on cache lines of its own: what is stored across two lines is read back late.
template <class T>
inline std::int64_t row_step(std::int64_t m) {
  constexpr std::int64_t kLanes = 64 / sizeof(T);
  return (m + kLanes - 1) / kLanes * kLanes;
}

/// scratch [2, m up to whole cache lines]
template <class T>
void norm(std::int64_t n, std::int64_t m, T eps, const T* x, const T* o, const T* gamma, const T* beta, T* scratch,
          T* __restrict__ y) {
  const T* ones = row_of_ones(m, scratch);
  T* h = scratch + row_step<T>(m);
  for (std::int64_t i = 0; i < n; ++i, x += m, o += m, y += m) {
    standard_row(m, eps, ones, x, o, h);
    for (std::int64_t j = 0; j < m; ++j) y[j] = gamma[j] * h[j] + beta[j];
  }
}

/// scratch [3, as above]; dz [n, m] or null; dgamma, dbeta [m], added to, both or none.
template <class T>
void norm_grad(std::int64_t n, std::int64_t m, T eps, const T* x, const T* o, const T* gamma, const T* dy, T* scratch,
               T* dz, T* __restrict__ dgamma, T* __restrict__ dbeta) {
  const T* ones = row_of_ones(m, scratch);
  const std::int64_t step = row_step<T>(m);
  T *h = scratch + step, *g = scratch + 2 * step;
  for (std::int64_t i = 0; i < n; ++i, x += m, o += m, dy += m) {
    const T inverse = standard_row(m, eps, ones, x, o, h);
    if (dz != nullptr) {
      for (std::int64_t j = 0; j < m; ++j) g[j] = gamma[j] * dy[j];
      project_row(m, inverse, ones, h, T(0), g, dz + i * m);
    }
    if (dgamma == nullptr) continue;
    for (std::int64_t j = 0; j < m; ++j) dgamma[j] += dy[j] * h[j];
    for (std::int64_t j = 0; j < m; ++j) dbeta[j] += dy[j];
  }
}

/// The gradient of sum(dy yt), yt = gamma ht + tgamma h + tbeta the tangent of y for the tangent t of the sum and
/// ht = inverse (t - mean t - h b), b = mean(h t). With g = gamma dy, c = mean(g h) and P what project_row does:
///   dz = inverse (P (dy tgamma - inverse (b g + c t)) - h mean(g ht))
/// scratch [5, as above]; ddy, dz [n, m], each may be null; dgamma [m], added to, or null.
template <class T>
void norm_grad_grad(std::int64_t n, std::int64_t m, T eps, const NormTangent<T>& in, T* scratch, T* ddy, T* dz,
                    T* __restrict__ dgamma) {
  const T* ones = row_of_ones(m, scratch);
  const std::int64_t step = row_step<T>(m);
  T *h = scratch + step, *g = scratch + 2 * step, *ht = scratch + 3 * step, *part = scratch + 4 * step;
  for (std::int64_t i = 0; i < n; ++i) {
    const T *dy = in.dy + i * m, *t = in.t + i * m;
    const T inverse = standard_row(m, eps, ones, in.x + i * m, in.o + i * m, h);
    project_row(m, inverse, ones, h, T(0), t, ht);
    if (ddy != nullptr)
      for (std::int64_t j = 0; j < m; ++j) ddy[i * m + j] = in.gamma[j] * ht[j] + (in.tgamma[j] * h[j] + in.tbeta[j]);
    if (dgamma != nullptr)
      for (std::int64_t j = 0; j < m; ++j) dgamma[j] += dy[j] * ht[j];
    if (dz == nullptr) continue;
    for (std::int64_t j = 0; j < m; ++j) g[j] = in.gamma[j] * dy[j];
    const T b = inverse * (dot(m, h, t) / T(m)), c = inverse * (dot(m, g, h) / T(m)), slope = dot(m, g, ht) / T(m);
    for (std::int64_t j = 0; j < m; ++j) part[j] = dy[j] * in.tgamma[j] - (b * g[j] + c * t[j]);
    project_row(m, inverse, ones, h, slope, part, dz + i * m);
  }
}
