// Quintic Hermite weights. Included by each target inside its own namespace.
//
// With u in [0, 1] on an interval of length h, v = 1 - u, and value, first and second derivative known at both ends,
//   f(x) = w0 f(0) + w1 f'(0) + w2 f''(0) + w3 f(1) + w4 f'(1) + w5 f''(1),
//   w0 = v^3 (1 + 3u + 6u^2), w1 = h u v^3 (1 + 3u), w2 = h^2/2 u^2 v^3, w3 = 1 - w0, w4 = -w1(v), w5 = w2(v).
// The factors keep what vanishes at an end exactly zero there, so that the continuation beyond is exactly linear.

/// Weights for n arguments, and their derivatives up to `kOrder`, in double; stored as T [order][6, n].
template <int kOrder, class T>
inline std::int64_t hermite_order(const KnotGrid& grid, std::int64_t n, const T* x, std::int32_t* knot, T* w, T* dw,
                                  T* ddw) {
  const KnotGrid g = grid;
  std::int64_t outside = 0;
#pragma GCC ivdep
  for (std::int64_t j = 0; j < n; ++j) {
    const double at = x[j];
    const double low = at > g.start[0] ? at : g.start[0];  // also for what is not a number
    const double c = low < g.end ? low : g.end;
    const double beyond = at - c;
    outside += !((beyond >= -g.slack) & (beyond <= g.slack));  // also what is not a number

    const bool second = c >= g.start[1], third = c >= g.start[2];
    const double start = third ? g.start[2] : second ? g.start[1] : g.start[0];
    const double h = third ? g.h[2] : second ? g.h[1] : g.h[0];
    const double inverse = third ? g.inverse[2] : second ? g.inverse[1] : g.inverse[0];
    const std::int32_t last = third ? g.last[2] : second ? g.last[1] : g.last[0];
    const std::int32_t first = third ? g.first[2] : second ? g.first[1] : g.first[0];
    const double t = (c - start) * inverse;
    const std::int32_t whole = static_cast<std::int32_t>(t), k = whole < last ? whole : last;
    knot[j] = first + k;

    const double u = c < g.end ? t - k : 1.0, v = 1 - u;
    const double u2 = u * u, v2 = v * v, u3 = u2 * u, v3 = v2 * v, half = 0.5 * h * h;
    const double d0 = -30 * inverse * (u2 * v2);
    const double d1 = v2 * ((1 - 3 * u) * (1 + 5 * u)), d4 = u2 * ((1 - 3 * v) * (1 + 5 * v));
    const double d2 = 0.5 * h * (u * v2) * (2 - 5 * u), d5 = -0.5 * h * (v * u2) * (2 - 5 * v);
    const double w0 = v3 * (1 + 3 * u + 6 * u2);
    w[j] = static_cast<T>(w0 + beyond * d0);
    w[n + j] = static_cast<T>(h * (u * v3) * (1 + 3 * u) + beyond * d1);
    w[2 * n + j] = static_cast<T>(half * (u2 * v3) + beyond * d2);
    w[3 * n + j] = static_cast<T>((1 - w0) - beyond * d0);
    w[4 * n + j] = static_cast<T>(-h * (v * u3) * (1 + 3 * v) + beyond * d4);
    w[5 * n + j] = static_cast<T>(half * (u3 * v2) + beyond * d5);
    if constexpr (kOrder >= 1) {
      dw[j] = static_cast<T>(d0);
      dw[n + j] = static_cast<T>(d1);
      dw[2 * n + j] = static_cast<T>(d2);
      dw[3 * n + j] = static_cast<T>(-d0);
      dw[4 * n + j] = static_cast<T>(d4);
      dw[5 * n + j] = static_cast<T>(d5);
    }
    if constexpr (kOrder >= 2) {
      const double in = beyond == 0 ? 1.0 : 0.0, uv = in * (u * v), s0 = -60 * (inverse * inverse) * uv * (v - u);
      ddw[j] = static_cast<T>(s0);
      ddw[n + j] = static_cast<T>(-12 * inverse * uv * (3 - 5 * u));
      ddw[2 * n + j] = static_cast<T>(in * v * (v2 - 6 * (u * v) + 3 * u2));
      ddw[3 * n + j] = static_cast<T>(-s0);
      ddw[4 * n + j] = static_cast<T>(12 * inverse * uv * (3 - 5 * v));
      ddw[5 * n + j] = static_cast<T>(in * u * (u2 - 6 * (u * v) + 3 * v2));
    }
  }
  return outside;
}

template <class T>
std::int64_t hermite(const KnotGrid& grid, std::int64_t n, const T* x, std::int32_t* knot, T* w, T* dw, T* ddw) {
  if (dw == nullptr) return hermite_order<0>(grid, n, x, knot, w, dw, ddw);
  if (ddw == nullptr) return hermite_order<1>(grid, n, x, knot, w, dw, ddw);
  return hermite_order<2>(grid, n, x, knot, w, dw, ddw);
}
