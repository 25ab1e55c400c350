// Products of the columns of one matrix of four rows. Included by each target inside its own namespace, after
// table.inl (for_columns). Sums over the four rows and over l go in order; sums over k go in order as well, a register
// of columns at a time, so that no order depends on the width of a register.

/// d[k, l] = sum over a of x[a, k] y[a, l], added to d where `add` is set: x, y [4, m], d [m, n].
template <class T>
void gram(std::int64_t m, std::int64_t n, const T* x, const T* y, T* d, bool add) {
  for_columns<T, 2>(n, [&](auto columns, std::int64_t l) {
    using V = typename decltype(columns)::V;
    constexpr int B = decltype(columns)::kCount, kSize = sizeof(V) / sizeof(T);
    V right[4][B];
    for (int a = 0; a < 4; ++a)
      for (int b = 0; b < B; ++b) right[a][b] = load<V>(y + a * m + l + b * kSize);
    for (std::int64_t k = 0; k < m; ++k)
      for (int b = 0; b < B; ++b) {
        T* to = d + k * n + l + b * kSize;
        const V sum = (x[k] * right[0][b] + x[m + k] * right[1][b]) + (x[2 * m + k] * right[2][b] + x[3 * m + k] * right[3][b]);
        store(add ? load<V>(to) + sum : sum, to);
      }
  });
}

/// z[a, k] = sum over l of d[k, l] y[a, l] and, for k < n, sum over k' of d[k', k] y[a, k']: y, z [4, m], d [m, n].
template <class T>
void gram_spread(std::int64_t m, std::int64_t n, const T* d, const T* y, T* __restrict__ z) {
  // Eight partial sums over l, those of the widest register, on every target.
  constexpr int kLanes = 8;
  for (std::int64_t k = 0; k < m; ++k) {
    T lane[4][kLanes] = {};
    std::int64_t l = 0;
    for (; l + kLanes <= n; l += kLanes)
      for (int a = 0; a < 4; ++a)
        for (int p = 0; p < kLanes; ++p) lane[a][p] += d[k * n + l + p] * y[a * m + l + p];
    for (; l < n; ++l)
      for (int a = 0; a < 4; ++a) lane[a][0] += d[k * n + l] * y[a * m + l];
    for (int a = 0; a < 4; ++a) z[a * m + k] = lane_sum<kLanes>(lane[a]);
  }
  for_columns<T, 2>(n, [&](auto columns, std::int64_t l) {
    using V = typename decltype(columns)::V;
    constexpr int B = decltype(columns)::kCount, kSize = sizeof(V) / sizeof(T);
    V sum[4][B] = {};
    for (std::int64_t k = 0; k < m; ++k)
      for (int b = 0; b < B; ++b) {
        const V value = load<V>(d + k * n + l + b * kSize);
        for (int a = 0; a < 4; ++a) sum[a][b] += y[a * m + k] * value;
      }
    for (int a = 0; a < 4; ++a)
      for (int b = 0; b < B; ++b) {
        T* to = z + a * m + l + b * kSize;
        store(load<V>(to) + sum[a][b], to);
      }
  });
}
