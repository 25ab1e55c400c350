// Pairs of neighbours, one neighbour with a stretch of others. Included by each target inside its own namespace, after
// table.inl (RowOf). The order of every sum is that of the others.

/// out[p] += a . y[:, p], y [3, stride].
template <class T>
void pair_dots(std::int64_t n, const T* a, const T* y, std::int64_t stride, T* out) {
  const T a0 = a[0], a1 = a[1], a2 = a[2];
#pragma GCC ivdep
  for (std::int64_t p = 0; p < n; ++p) out[p] += (a0 * y[p] + a1 * y[stride + p]) + a2 * y[2 * stride + p];
}

/// other[p, :] += d[p] row, and sum over p of d[p] rows[p, :] is added to one; rows of 4.
template <class T>
void pair_rows(std::int64_t n, const T* d, const T* row, const T* rows, T* one, T* other) {
  typename RowOf<T, 4>::type mine, sum, value;
  __builtin_memcpy(&mine, row, sizeof mine);
  __builtin_memcpy(&sum, one, sizeof sum);
  for (std::int64_t p = 0; p < n; ++p) {
    __builtin_memcpy(&value, rows + 4 * p, sizeof value);
    sum += d[p] * value;
    __builtin_memcpy(&value, other + 4 * p, sizeof value);
    value += d[p] * mine;
    __builtin_memcpy(other + 4 * p, &value, sizeof value);
  }
  __builtin_memcpy(one, &sum, sizeof sum);
}

/// Weights [6, n] of the derivative of a product with the argument: dw = factor w + x dw.
template <class T>
void pair_product(std::int64_t n, T factor, const T* x, const T* w, T* dw) {
  for (int c = 0; c < 6; ++c) {
#pragma GCC ivdep
    for (std::int64_t p = 0; p < n; ++p) dw[c * n + p] = factor * w[c * n + p] + x[p] * dw[c * n + p];
  }
}
