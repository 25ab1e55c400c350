// Tabulated features of single neighbours and their products with a factor per channel. Included by each target inside
// its own namespace. Sums over the columns have a fixed number of lanes, those of the widest register, on every target.

/// feature[j, :] = sum over c of weight[c, j] table[3 knot[j] + c, :], weight [6, n]: two knots are six rows in a row.
template <class T>
void table_features(std::int64_t n, std::int64_t m, const std::int32_t* knot, const T* weight, const T* table,
                    T* feature) {
  for (std::int64_t j = 0; j < n; ++j) {
    const T* from = table + 3 * m * std::int64_t(knot[j]);
    T* __restrict__ to = feature + j * m;
    const T w0 = weight[j], w1 = weight[n + j], w2 = weight[2 * n + j];
    const T w3 = weight[3 * n + j], w4 = weight[4 * n + j], w5 = weight[5 * n + j];
    for (std::int64_t k = 0; k < m; ++k)
      to[k] = ((w0 * from[k] + w3 * from[3 * m + k]) + (w1 * from[m + k] + w4 * from[4 * m + k])) +
              (w2 * from[2 * m + k] + w5 * from[5 * m + k]);
  }
}

/// The transpose of table_features for one neighbour: the six rows of its two knots, table [6, m], += weight[c]
/// feature, with weights at a distance of `stride` from one another.
template <class T>
void table_scatter(std::int64_t m, const T* weight, std::int64_t stride, const T* feature, T* __restrict__ table) {
  for (int c = 0; c < 6; ++c) {
    const T w = weight[c * stride];
    for (std::int64_t k = 0; k < m; ++k) table[c * m + k] += w * feature[k];
  }
}

/// The sum of value(k) over m columns, lane by lane.
template <class T, class Value>
inline T column_sum(std::int64_t m, const Value& value) {
  constexpr int kLanes = 64 / sizeof(T);
  T lane[kLanes] = {};
  std::int64_t k = 0;
  for (; k + kLanes <= m; k += kLanes)
    for (int l = 0; l < kLanes; ++l) lane[l] += value(k + l);
  for (int l = 0; k + l < m; ++l) lane[l] += value(k + l);
  return lane_sum<kLanes>(lane);
}

/// feature *= 1 + factor for m columns.
template <class T>
void factor_times(std::int64_t m, const T* factor, T* feature) {
  for (std::int64_t k = 0; k < m; ++k) feature[k] *= 1 + factor[k];
}

/// One neighbour: with y = row . dx, f its features (and df their slope, where not null), t its factor,
///   by_feature = (1 + t) y, dfactor = f y (where not null), and f becomes f (1 + t).
/// Returns the sum of df (1 + t) y, or 0.
template <class T>
T factor_grad(std::int64_t m, const T* factor, const T* y, const T* df, T* f, T* by_feature, T* dfactor) {
  if (dfactor != nullptr)
    for (std::int64_t k = 0; k < m; ++k) dfactor[k] = f[k] * y[k];
  for (std::int64_t k = 0; k < m; ++k) {
    by_feature[k] = (1 + factor[k]) * y[k];
    f[k] *= 1 + factor[k];
  }
  return df == nullptr ? T(0) : column_sum<T>(m, [&](std::int64_t k) { return df[k] * by_feature[k]; });
}

/// One neighbour of the second derivatives: as factor_grad with, besides, z = ddrow . dx, g the first number of ddrow,
/// u the cotangent of dfactor and ddf the second derivative of the features, or null:
///   by_feature = (1 + t) z + u y, by_slope = g (1 + t) y, dfactor = f z + g df y (where not null),
///   f becomes f (1 + t) and df becomes g (1 + t) df + u f.
/// Returns the sum of df by_feature + ddf by_slope, or 0.
template <class T>
T factor_grad_grad(std::int64_t m, const T* factor, const T* u, const T* y, const T* z, T g, const T* ddf, T* f, T* df,
                   T* by_feature, T* by_slope, T* dfactor) {
  if (dfactor != nullptr)
    for (std::int64_t k = 0; k < m; ++k) dfactor[k] = f[k] * z[k] + g * (df[k] * y[k]);
  for (std::int64_t k = 0; k < m; ++k) {
    by_feature[k] = (1 + factor[k]) * z[k] + u[k] * y[k];
    by_slope[k] = g * ((1 + factor[k]) * y[k]);
  }
  const T sum = ddf == nullptr ? T(0) : column_sum<T>(m, [&](std::int64_t k) {
    return df[k] * by_feature[k] + ddf[k] * by_slope[k];
  });
  for (std::int64_t k = 0; k < m; ++k) {
    df[k] = g * ((1 + factor[k]) * df[k]) + u[k] * f[k];
    f[k] *= 1 + factor[k];
  }
  return sum;
}
