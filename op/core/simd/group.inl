// Ragged contractions of one group. Included by each target inside its own namespace.
//
// Each element of x and of feature is one sum whose order does not depend on the width of a register. A sum over the
// columns (group_dot) has a fixed number of lanes, those of the widest register, on every target.

#if defined(__AVX512F__)
constexpr int kRegisterBytes = 64;
#elif defined(__AVX__)
constexpr int kRegisterBytes = 32;
#else
constexpr int kRegisterBytes = 16;
#endif

template <class T, int kBytes = kRegisterBytes>
struct Vector {
  typedef T type __attribute__((vector_size(kBytes)));
};

/// V, a register or a number, from any address.
template <class V, class T>
inline V load(const T* from) {
  V value;
  __builtin_memcpy(&value, from, sizeof value);
  return value;
}

template <class V, class T>
inline void store(const V& value, T* to) {
  __builtin_memcpy(to, &value, sizeof value);
}

// Numbers of two registers in another order.
#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define DP_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#endif
#endif
#if !defined(DP_SHUFFLE)  // GCC before 12
#define DP_SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (decltype(a < b)){__VA_ARGS__})
#endif

// group_outer sums this many rows over all columns before the next: they stay in the first cache from block to block,
// and those that follow are fetched meanwhile, because the processor does not foresee an order of short pieces.
constexpr std::int64_t kOuterRows = 16;

/// x[a, :] += sum over n rows of env[j, a] feature[j, :] for B times V of the columns.
template <class V, int B, class T>
inline void outer_block(std::int64_t n, std::int64_t m, const T* env, const T* feature, T* x) {
  constexpr int kSize = sizeof(V) / sizeof(T);
  V sum[4][B];
  for (int a = 0; a < 4; ++a)
    for (int b = 0; b < B; ++b) sum[a][b] = load<V>(x + a * m + b * kSize);
  for (std::int64_t j = 0; j < n; ++j) {
    V f[B];
    for (int b = 0; b < B; ++b) {
      f[b] = load<V>(feature + j * m + b * kSize);
      __builtin_prefetch(feature + (j + kOuterRows) * m + b * kSize);
    }
    for (int a = 0; a < 4; ++a)
      for (int b = 0; b < B; ++b) sum[a][b] += env[4 * j + a] * f[b];
  }
  for (int a = 0; a < 4; ++a)
    for (int b = 0; b < B; ++b) store(sum[a][b], x + a * m + b * kSize);
}

/// outer_block for the columns from k on, in ever narrower registers and at last one by one.
template <int kBytes, class T>
inline void outer_rest(std::int64_t n, std::int64_t m, std::int64_t k, const T* env, const T* feature, T* x) {
  constexpr int kSize = kBytes / sizeof(T);
  if constexpr (kBytes < 16) {
    for (; k < m; ++k) outer_block<T, 1>(n, m, env, feature + k, x + k);
  } else {
    for (; k + kSize <= m; k += kSize)
      outer_block<typename Vector<T, kBytes>::type, 1>(n, m, env, feature + k, x + k);
    outer_rest<kBytes / 2>(n, m, k, env, feature, x);
  }
}

template <class T>
void group_outer(std::int64_t n, std::int64_t m, const T* env, const T* feature, T* x) {
  using V = typename Vector<T>::type;
  constexpr int kPair = 2 * sizeof(V) / sizeof(T);  // a pair of sums hides the latency of addition
  for (std::int64_t k = 0; k < 4 * m; ++k) x[k] = 0;
  for (std::int64_t j = 0; j < n; j += kOuterRows) {
    const std::int64_t rows = n - j < kOuterRows ? n - j : kOuterRows;
    const T *e = env + 4 * j, *f = feature + m * j;
    std::int64_t k = 0;
    for (; k + kPair <= m; k += kPair) outer_block<V, 2>(rows, m, e, f + k, x + k);
    outer_rest<kRegisterBytes>(rows, m, k, e, f, x);
  }
}

template <class T>
void group_spread(std::int64_t n, std::int64_t m, const T* env, const T* x, T* __restrict__ feature) {
  for (std::int64_t j = 0; j < n; ++j) {
    const T e0 = env[4 * j], e1 = env[4 * j + 1], e2 = env[4 * j + 2], e3 = env[4 * j + 3];
    for (std::int64_t k = 0; k < m; ++k)
      feature[j * m + k] = (e0 * x[k] + e1 * x[m + k]) + (e2 * x[2 * m + k] + e3 * x[3 * m + k]);
  }
}

/// The sum of N lanes, half upon half.
template <int N, class T>
inline T lane_sum(const T* lane, int step = 1) {
  if constexpr (N == 1)
    return lane[0];
  else
    return lane_sum<N / 2>(lane, 2 * step) + lane_sum<N / 2>(lane + step, 2 * step);
}

template <class T>
void group_dot(std::int64_t n, std::int64_t m, const T* feature, const T* x, T* env) {
  using V = typename Vector<T>::type;
  constexpr int kSize = sizeof(V) / sizeof(T), kLanes = 64 / sizeof(T), kParts = kLanes / kSize;
  if (m < kLanes) {
    for (std::int64_t j = 0; j < n; ++j)
      for (int a = 0; a < 4; ++a) {
        T sum = 0;
        for (std::int64_t k = 0; k < m; ++k) sum += feature[j * m + k] * x[a * m + k];
        env[4 * j + a] = sum;
      }
    return;
  }
  // The last columns are read as a whole stretch that overlaps the one before; there x counts as 0.
  const std::int64_t whole = m - m % kLanes, last = m - kLanes;
  T tail[4][kLanes], lane[4][kLanes];
  for (int a = 0; a < 4; ++a)
    for (int l = 0; l < kLanes; ++l) tail[a][l] = last + l < whole ? T(0) : x[a * m + last + l];
  for (std::int64_t j = 0; j < n; ++j) {
    const T* f = feature + j * m;
    V sum[4][kParts] = {};
    for (std::int64_t k = 0; k < whole; k += kLanes)
      for (int p = 0; p < kParts; ++p) {
        const V value = load<V>(f + k + p * kSize);
        for (int a = 0; a < 4; ++a) sum[a][p] += value * load<V>(x + a * m + k + p * kSize);
      }
    for (int p = 0; p < kParts; ++p) {
      const V value = load<V>(f + last + p * kSize);
      for (int a = 0; a < 4; ++a) store(sum[a][p] + value * load<V>(tail[a] + p * kSize), lane[a] + p * kSize);
    }
    for (int a = 0; a < 4; ++a) env[4 * j + a] = lane_sum<kLanes>(lane[a]);
  }
}
