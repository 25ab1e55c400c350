// Sums of tabulated functions. Included by each target inside its own namespace, after group.inl.
//
// The six coefficients of a column lie side by side, so a register of columns is transposed out of six registers of the
// table. Each column is computed alone, and sums over columns have a fixed number of lanes: the bits do not depend on
// the width of a register.

// Wider registers would gain nothing: moving pieces between the quarters of 64 bytes costs more than it saves.
constexpr int kTabulateBytes = kRegisterBytes < 32 ? kRegisterBytes : 32;

using Double2 = Vector<double, 16>::type;
using Float4 = Vector<float, 16>::type;

/// Coefficients c = 0..5 of as many columns as V has numbers.
inline void columns(const double* row, double (&c)[6]) {
  for (int i = 0; i < 6; ++i) c[i] = row[i];
}

inline void columns(const float* row, float (&c)[6]) {
  for (int i = 0; i < 6; ++i) c[i] = row[i];
}

inline void columns(const double* row, Double2 (&c)[6]) {
  for (int i = 0; i < 3; ++i) {
    const Double2 a = load<Double2>(row + 2 * i), b = load<Double2>(row + 6 + 2 * i);
    c[2 * i] = DP_SHUFFLE(a, b, 0, 2);
    c[2 * i + 1] = DP_SHUFFLE(a, b, 1, 3);
  }
}

inline void columns(const float* row, Float4 (&c)[6]) {
  Float4 r[6];
  for (int i = 0; i < 6; ++i) r[i] = load<Float4>(row + 4 * i);
  // Pairs of columns 0 and 1, and of columns 2 and 3.
  for (int i = 0; i < 6; i += 3) {
    const Float4 a = r[i], b = r[i + 1], d = r[i + 2];
    r[i] = DP_SHUFFLE(a, b, 0, 1, 6, 7);
    r[i + 1] = DP_SHUFFLE(a, d, 2, 3, 4, 5);
    r[i + 2] = DP_SHUFFLE(b, d, 0, 1, 6, 7);
  }
  for (int i = 0; i < 3; ++i) {
    c[2 * i] = DP_SHUFFLE(r[i], r[i + 3], 0, 2, 4, 6);
    c[2 * i + 1] = DP_SHUFFLE(r[i], r[i + 3], 1, 3, 5, 7);
  }
}

#if defined(__AVX__)
using Double4 = Vector<double, 32>::type;
using Float8 = Vector<float, 32>::type;

inline void columns(const double* row, Double4 (&c)[6]) {
  Double4 r[6];  // r[i]: pair i of columns 0 and 1 together, then of columns 2 and 3
  for (int i = 0; i < 3; ++i) {
    const Double4 a = load<Double4>(row + 4 * i), b = load<Double4>(row + 12 + 4 * i);
    r[2 * i] = DP_SHUFFLE(a, b, 0, 1, 4, 5);
    r[2 * i + 1] = DP_SHUFFLE(a, b, 2, 3, 6, 7);
  }
  for (int i = 0; i < 3; ++i) {
    c[2 * i] = DP_SHUFFLE(r[i], r[i + 3], 0, 4, 2, 6);
    c[2 * i + 1] = DP_SHUFFLE(r[i], r[i + 3], 1, 5, 3, 7);
  }
}

inline void columns(const float* row, Float8 (&c)[6]) {
  Float8 r[6];  // columns 0 to 3 in the lower half, 4 to 7 in the upper; then as Float4 in each half
  for (int i = 0; i < 3; ++i) {
    const Float8 a = load<Float8>(row + 8 * i), b = load<Float8>(row + 24 + 8 * i);
    r[2 * i] = DP_SHUFFLE(a, b, 0, 1, 2, 3, 8, 9, 10, 11);
    r[2 * i + 1] = DP_SHUFFLE(a, b, 4, 5, 6, 7, 12, 13, 14, 15);
  }
  for (int i = 0; i < 6; i += 3) {
    const Float8 a = r[i], b = r[i + 1], d = r[i + 2];
    r[i] = DP_SHUFFLE(a, b, 0, 1, 10, 11, 4, 5, 14, 15);
    r[i + 1] = DP_SHUFFLE(a, d, 2, 3, 8, 9, 6, 7, 12, 13);
    r[i + 2] = DP_SHUFFLE(b, d, 0, 1, 10, 11, 4, 5, 14, 15);
  }
  for (int i = 0; i < 3; ++i) {
    c[2 * i] = DP_SHUFFLE(r[i], r[i + 3], 0, 2, 8, 10, 4, 6, 12, 14);
    c[2 * i + 1] = DP_SHUFFLE(r[i], r[i + 3], 1, 3, 9, 11, 5, 7, 13, 15);
  }
}
#endif

/// Value f and, where wanted, slope df of a register of columns at a point.
template <bool kSlope, class V, class T>
inline void evaluate(const TabulatedPoint<T>& point, std::int64_t k, V& f, V& df) {
  V c[6];
  columns(point.row + 6 * k, c);
  const T u = point.u;
  f = c[5] * u + c[4];
  if (kSlope || point.beyond != 0) {
    df = c[5] * u + f;
    f = f * u + c[3];
    df = df * u + f;
    f = f * u + c[2];
    df = df * u + f;
    f = f * u + c[1];
    df = df * u + f;
    f = f * u + c[0];
    f += df * point.beyond;  // x + 0 = x: inside the table it changes nothing
  } else {
    for (int i = 3; i >= 0; --i) f = f * u + c[i];
  }
}

/// Fetch the coefficients of a register of columns, to be read soon.
template <class V, class T>
inline void fetch(const TabulatedPoint<T>& point, std::int64_t k) {
  for (int line = 0; line < 6 * int(sizeof(V)); line += 64)
    __builtin_prefetch(reinterpret_cast<const char*>(point.row + 6 * k) + line);
}

// --- where a number lies --------------------------------------------------------------------------------------------

/// The number next to x on the side of y.
inline float beside(float x, float y) { return __builtin_nextafterf(x, y); }
inline double beside(double x, double y) { return __builtin_nextafter(x, y); }

/// A stretch of rows of one step.
template <class T>
struct Stretch {
  T left, step;
  std::int64_t first;
};

/// The point x of the stretch; a rounded division may point past the last row.
template <class T>
inline TabulatedPoint<T> inside(const PolynomialTable<T>& table, const Stretch<T>& stretch, T at, T x) {
  std::int64_t k = static_cast<std::int64_t>((at - stretch.left) / stretch.step);
  k = stretch.first + k < table.rows ? k : table.rows - 1 - stretch.first;
  return {table.coefficients + 6 * table.width * (stretch.first + k),
          x - (static_cast<T>(k) * stretch.step + stretch.left), T(0)};
}

template <class T>
void tabulate_locate(const PolynomialTable<T>& table, std::int64_t n, const T* x, TabulatedPoint<T>* points) {
  const T low = table.symmetric ? -table.max : table.lower;
  const Stretch<T> before{low, table.coarse, 0};
  const Stretch<T> fine{table.lower, table.fine,
                        table.symmetric ? static_cast<std::int64_t>((table.lower - low) / table.coarse) : 0};
  Stretch<T> after{table.upper, table.coarse,
                   fine.first + static_cast<std::int64_t>((table.upper - table.lower) / table.fine)};
  if (after.first >= table.rows) after = fine;  // shorter than one step: the last polynomial goes on
  const auto stretch = [&](T at) -> const Stretch<T>& {
    return at < table.lower ? before : at < table.upper ? fine : after;
  };
  // The right end belongs to the interval on its left.
  const T last = beside(table.max, table.lower);
  const TabulatedPoint<T> end = inside(table, stretch(last), last, table.max);
  for (std::int64_t j = 0; j < n; ++j) {
    if (x[j] < low)
      points[j] = {table.coefficients, T(0), x[j] - low};
    else if (x[j] < table.max)
      points[j] = inside(table, stretch(x[j]), x[j], x[j]);
    else
      points[j] = {end.row, end.u, x[j] - table.max};
  }
}

// --- sums over rows -------------------------------------------------------------------------------------------------

// So many rows are summed over a register of columns before the next register: their sums stay in registers.
constexpr int kTabulateRows = 8;

/// One register of columns, from k on; `ahead` points to the rows to fetch meanwhile.
template <class V, int A, bool kSlope, bool kTwo, class T>
inline void tabulate_sum_block(int n, std::int64_t m, std::int64_t k, const TabulatedPoint<T>* points, int ahead,
                               const TabulateFactors<T>& in, T* out) {
  V sum[A];
  for (int a = 0; a < A; ++a) sum[a] = load<V>(out + a * m + k);
  for (int j = 0; j < n; ++j) {
    V f, df;
    evaluate<kSlope>(points[j], k, f, df);
    if (j < ahead) fetch<V>(points[j + kTabulateRows], k);
    V value = f, slope = df;
    if constexpr (kTwo) {
      const V factor = load<V>(in.two + j * m + k) + T(1);
      value *= factor;
      if constexpr (kSlope) slope = df * factor * in.slope[j] + f * load<V>(in.dtwo + j * m + k);
    } else if constexpr (kSlope) {
      slope = df * in.slope[j];
    }
    for (int a = 0; a < A; ++a) {
      sum[a] += value * in.value[j * A + a];
      if constexpr (kSlope) sum[a] += slope * in.em[j * A + a];
    }
  }
#pragma GCC unroll 4  // or the sums pass through memory once more
  for (int a = 0; a < A; ++a) store(sum[a], out + a * m + k);
}

template <int A, bool kSlope, bool kTwo, class T>
void tabulate_sum_rows(std::int64_t n, std::int64_t m, const TabulatedPoint<T>* points, TabulateFactors<T> in, T* out) {
  using V = typename Vector<T, kTabulateBytes>::type;
  constexpr int kSize = kTabulateBytes / sizeof(T);
  for (std::int64_t j = 0; j < n; j += kTabulateRows) {
    const int rows = n - j < kTabulateRows ? int(n - j) : kTabulateRows;
    const int ahead = n - j - kTabulateRows < kTabulateRows ? int(n - j - kTabulateRows) : kTabulateRows;
    std::int64_t k = 0;
    for (; k + kSize <= m; k += kSize) tabulate_sum_block<V, A, kSlope, kTwo>(rows, m, k, points + j, ahead, in, out);
    for (; k < m; ++k) tabulate_sum_block<T, A, kSlope, kTwo>(rows, m, k, points + j, 0, in, out);
    in.value += rows * A;
    if (kSlope) in.slope += rows, in.em += rows * A;
    if (kTwo) in.two += rows * m;
    if (kSlope && kTwo) in.dtwo += rows * m;
  }
}

template <class T>
void tabulate_sum(int components, std::int64_t n, std::int64_t m, const TabulatedPoint<T>* points,
                  const TabulateFactors<T>& in, T* out) {
  if (components == 1)
    (in.slope ? tabulate_sum_rows<1, true, false, T> : tabulate_sum_rows<1, false, false, T>)(n, m, points, in, out);
  else if (in.two)
    (in.slope ? tabulate_sum_rows<4, true, true, T> : tabulate_sum_rows<4, false, true, T>)(n, m, points, in, out);
  else
    (in.slope ? tabulate_sum_rows<4, true, false, T> : tabulate_sum_rows<4, false, false, T>)(n, m, points, in, out);
}

// --- sums over columns ----------------------------------------------------------------------------------------------

/// One register of columns of one row: adds to sum[0..A-1] the products of f, to sum[A] those of f'.
template <class V, int A, bool kTwo, class T>
inline void tabulate_dot_block(std::int64_t m, std::int64_t k, const TabulatedPoint<T>& point, const T* em,
                               const T* two, const T* dy, T* dtwo, V* sum) {
  V f, df;
  evaluate<true>(point, k, f, df);
  V along = load<V>(dy + k) * em[0];
  for (int a = 1; a < A; ++a) along += load<V>(dy + a * m + k) * em[a];
  if constexpr (kTwo) {
    const V factor = load<V>(two + k) + T(1);
    if (dtwo) store(f * along, dtwo + k);
    f *= factor;
    df *= factor;
  }
  for (int a = 0; a < A; ++a) sum[a] += load<V>(dy + a * m + k) * f;
  sum[A] += df * along;
}

template <int A, bool kTwo, class T>
void tabulate_dot_rows(std::int64_t n, std::int64_t m, const TabulatedPoint<T>* points,
                       const TabulateProducts<T>& out) {
  using V = typename Vector<T, kTabulateBytes>::type;
  constexpr int kSize = kTabulateBytes / sizeof(T), kLanes = 32 / sizeof(T), kParts = kLanes / kSize;
  const std::int64_t whole = m - m % kLanes;
  for (std::int64_t j = 0; j < n; ++j) {
    const T *em = out.em + A * j, *two = kTwo ? out.two + j * m : nullptr;
    T* dtwo = kTwo && out.dtwo ? out.dtwo + j * m : nullptr;
    const TabulatedPoint<T>&point = points[j], &next = points[j + 1 < n ? j + 1 : j];
    V sum[kParts][A + 1] = {};
    for (std::int64_t k = 0; k < whole; k += kLanes)
      for (int p = 0; p < kParts; ++p) {
        fetch<V>(next, k + p * kSize);
        tabulate_dot_block<V, A, kTwo>(m, k + p * kSize, point, em, two, out.dy, dtwo, sum[p]);
      }
    T rest[A + 1] = {};
    for (std::int64_t k = whole; k < m; ++k) tabulate_dot_block<T, A, kTwo>(m, k, point, em, two, out.dy, dtwo, rest);
    for (int a = 0; a <= A; ++a) {
      T lane[kLanes];
      for (int p = 0; p < kParts; ++p) store(sum[p][a], lane + p * kSize);
      (a < A ? out.value[A * j + a] : out.slope[j]) = lane_sum<kLanes>(lane) + rest[a];
    }
  }
}

template <class T>
void tabulate_dot(int components, std::int64_t n, std::int64_t m, const TabulatedPoint<T>* points,
                  const TabulateProducts<T>& out) {
  if (components == 1)
    tabulate_dot_rows<1, false, T>(n, m, points, out);
  else
    (out.two ? tabulate_dot_rows<4, true, T> : tabulate_dot_rows<4, false, T>)(n, m, points, out);
}

#undef DP_SHUFFLE
