// Matrix products of one thread. Included by each target inside its own namespace; uses group.inl's registers.
//
// All three products are sums over tiles: up to kTileRows rows of the left operand, each number of which is spread over
// a register, times up to kTileRegisters registers of a row of the right one. Weights of a layer are read where they
// stand; nothing but the last few columns is copied. The terms of an element of the result are summed in order within
// stretches of kDepth, and the stretches in order, so its bits depend neither on its place nor on the threads. Targets
// with a fused multiply-add use it: that halves the work, but the baseline may differ from the others in the last bit.

#if defined(__AVX512F__)
constexpr int kTileRows = 8, kTileRegisters = 3;  // 24 sums, 3 of the right, 1 of the left: 28 of 32 registers
#elif defined(__AVX__)
constexpr int kTileRows = 4, kTileRegisters = 3;  // 12 + 3 + 1 of 16
#else
constexpr int kTileRows = 4, kTileRegisters = 2;  // 8 + 2 + 1, and one for the product, of 16
#endif
constexpr std::int64_t kDepth = 256;

/// a b + c, rounded once where the target can.
template <class V>
inline V multiply_add(V a, V b, V c) {
#if defined(__AVX512F__)
  if constexpr (sizeof(V) == 64 && sizeof(a[0]) == 8)
    return (V)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
  else
    return (V)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(__FMA__)
  if constexpr (sizeof(a[0]) == 8)
    return (V)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
  else
    return (V)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#else
  return a * b + c;
#endif
}

/// One tile: k terms; element (i, l) of the left operand is a[i][l * step].
template <class T>
struct Tile {
  std::int64_t k;
  const T* a[kTileRows];
  std::int64_t step;
  const T* b;
  std::int64_t ldb;  ///< rows of b are ldb apart
  int columns;       ///< of the result that are wanted
  T* const* c;       ///< row i of the result starts at c[i] + at; transposed, column j at c[j] + at
  std::int64_t at;
  bool transposed, add;
};

template <class T, int M, int N>
void tile(const Tile<T>& t) {
  using V = typename Vector<T>::type;
  constexpr int kSize = sizeof(V) / sizeof(T);
  const T* a[M];
  for (int i = 0; i < M; ++i) a[i] = t.a[i];
  V sum[M][N] = {};
  const T* b = t.b;
  for (std::int64_t l = 0, end = t.k * t.step; l < end; l += t.step) {
    V right[N];
#pragma GCC unroll 3
    for (int j = 0; j < N; ++j) right[j] = load<V>(b + j * kSize);
#pragma GCC unroll 8
    for (int i = 0; i < M; ++i) {
      const V left = a[i][l] - V{};
#pragma GCC unroll 3
      for (int j = 0; j < N; ++j) sum[i][j] = multiply_add(left, right[j], sum[i][j]);
    }
    b += t.ldb;
  }
  if (!t.transposed && t.columns == N * kSize) {
    for (int i = 0; i < M; ++i)
      for (int j = 0; j < N; ++j) {
        T* to = t.c[i] + t.at + j * kSize;
        store(t.add ? load<V>(to) + sum[i][j] : sum[i][j], to);
      }
    return;
  }
  T out[M][N * kSize];
  for (int i = 0; i < M; ++i)
    for (int j = 0; j < N; ++j) store(sum[i][j], out[i] + j * kSize);
  if (t.transposed) {
    for (int j = 0; j < t.columns; ++j)
      for (int i = 0; i < M; ++i) t.c[j][t.at + i] = t.add ? t.c[j][t.at + i] + out[i][j] : out[i][j];
  } else {
    for (int i = 0; i < M; ++i)
      for (int j = 0; j < t.columns; ++j) t.c[i][t.at + j] = t.add ? t.c[i][t.at + j] + out[i][j] : out[i][j];
  }
}

/// The tile of a number of rows and registers that is known at run time.
template <class T, int M = kTileRows>
inline void any_tile(int rows, int registers, const Tile<T>& t) {
  if constexpr (M > 1) {
    if (rows < M) return any_tile<T, M - 1>(rows, registers, t);
  }
  if (registers == 1) return tile<T, M, 1>(t);
  if (registers == 2) return tile<T, M, 2>(t);
  tile<T, M, kTileRegisters>(t);
}

/// The right operand [k, n] in panels of whole registers; the columns behind the last whole one are copied out.
template <class T>
struct Right {
  static constexpr int kSize = kRegisterBytes / sizeof(T);

  void take(std::int64_t k, const T* from, std::int64_t stride, std::int64_t columns) {
    b = from, ldb = stride, n = columns;
    const std::int64_t rest = n % kSize;
    if (rest == 0) return;
    for (std::int64_t l = 0; l < k; ++l)
      for (int j = 0; j < kSize; ++j) tail[l * kSize + j] = j < rest ? b[l * ldb + n - rest + j] : T(0);
  }

  /// Set the panel of the tile at column j; returns its number of registers.
  int panel(std::int64_t j, Tile<T>& t) const {
    const std::int64_t whole = (n - j) / kSize;
    if (whole == 0) {
      t.b = tail, t.ldb = kSize, t.columns = static_cast<int>(n - j);
      return 1;
    }
    const int registers = whole < kTileRegisters ? static_cast<int>(whole) : kTileRegisters;
    t.b = b + j, t.ldb = ldb, t.columns = registers * kSize;
    return registers;
  }

  const T* b;
  std::int64_t ldb, n;
  alignas(64) T tail[kDepth * kSize];
};

template <class T>
void product(std::int64_t m, std::int64_t n, std::int64_t k, const T* const* a, const T* b, std::int64_t ldb,
             T* const* c, bool add) {
  Right<T> right;
  Tile<T> t;
  t.step = 1, t.transposed = false;
  std::int64_t l = 0;
  do {  // once even without terms, for the zeros
    t.k = k - l < kDepth ? k - l : kDepth, t.add = add || l > 0;
    right.take(t.k, b + l * ldb, ldb, n);
    for (std::int64_t j = 0; j < n; j += t.columns) {
      const int registers = right.panel(j, t);
      t.at = j;
      for (std::int64_t i = 0; i < m; i += kTileRows) {
        const int rows = m - i < kTileRows ? static_cast<int>(m - i) : kTileRows;
        for (int r = 0; r < rows; ++r) t.a[r] = a[i + r] + l;
        t.c = c + i;
        any_tile<T>(rows, registers, t);
      }
    }
    l += kDepth;
  } while (l < k);
}

template <class T>
void product_bt(std::int64_t m, std::int64_t n, std::int64_t k, const T* at, std::int64_t lda, const T* b,
                std::int64_t ldb, T* const* c, bool add) {
  Right<T> right;
  Tile<T> t;
  t.step = 1, t.transposed = true;
  std::int64_t l = 0;
  do {  // once even without terms, for the zeros
    t.k = k - l < kDepth ? k - l : kDepth, t.add = add || l > 0;
    right.take(t.k, at + l * lda, lda, m);
    for (std::int64_t j = 0; j < n; j += kTileRows) {
      const int rows = n - j < kTileRows ? static_cast<int>(n - j) : kTileRows;
      for (int r = 0; r < rows; ++r) t.a[r] = b + (j + r) * ldb + l;
      t.at = j;
      for (std::int64_t i = 0; i < m; i += t.columns) {
        const int registers = right.panel(i, t);
        t.c = c + i;
        any_tile<T>(rows, registers, t);
      }
    }
    l += kDepth;
  } while (l < k);
}

template <class T>
void product_at(std::int64_t m, std::int64_t n, std::int64_t k, const T* const* a, std::int64_t first, const T* b,
                std::int64_t ldb, T* const* c, bool add) {
  Right<T> right;
  Tile<T> t;
  alignas(64) T strip[kDepth * kTileRows];
  t.step = kTileRows, t.transposed = false;
  for (int r = 0; r < kTileRows; ++r) t.a[r] = strip + r;
  std::int64_t l = 0;
  do {  // once even without terms, for the zeros
    t.k = k - l < kDepth ? k - l : kDepth, t.add = add || l > 0;
    right.take(t.k, b + l * ldb, ldb, n);
    for (std::int64_t i = 0; i < m; i += kTileRows) {
      const int rows = m - i < kTileRows ? static_cast<int>(m - i) : kTileRows;
      for (std::int64_t p = 0; p < t.k; ++p) {
        const T* from = a[l + p] + first + i;
        __builtin_prefetch(from + kTileRows);  // the next strip: the processor does not foresee an order of short pieces
        if (rows == kTileRows)
          __builtin_memcpy(strip + p * kTileRows, from, sizeof(T) * kTileRows);
        else
          for (int r = 0; r < rows; ++r) strip[p * kTileRows + r] = from[r];
      }
      t.c = c + i;
      for (std::int64_t j = 0; j < n; j += t.columns) {
        const int registers = right.panel(j, t);
        t.at = j;
        any_tile<T>(rows, registers, t);
      }
    }
    l += kDepth;
  } while (l < k);
}
