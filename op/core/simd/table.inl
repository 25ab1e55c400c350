// Contractions with the knots of a table, three rows of m columns each, for matrices of C rows (4 or 8, or 1 for a
// plain sum). Included by each target inside its own namespace, after group.inl (registers, load, store).
//
// Each element of x and of the table is one sum whose order does not depend on the width of a register; the sums of
// table_dot over the columns have a fixed number of lanes on every target.

/// C numbers as one value; a register of the processor or parts of several.
template <class T, int C>
struct RowOf {
  using type = typename Vector<T, C * sizeof(T)>::type;
};
template <class T>
struct RowOf<T, 1> {
  using type = T;
};

/// sums[knot, :, :] += weight (x) row for n entries, each on its knot and the next: sums [knots, 3, C], weight [6, n].
template <int C, class T>
void table_spread(std::int64_t n, const std::int32_t* knot, const T* weight, const T* row, T* sums) {
  for (std::int64_t j = 0; j < n; ++j) {
    T* to = sums + 3 * C * std::int64_t(knot[j]);
    typename RowOf<T, C>::type values, sum;
    __builtin_memcpy(&values, row + C * j, sizeof values);
    for (int c = 0; c < 6; ++c) {
      __builtin_memcpy(&sum, to + C * c, sizeof sum);
      sum += weight[c * n + j] * values;
      __builtin_memcpy(to + C * c, &sum, sizeof sum);
    }
  }
}

/// The transpose of table_spread: y[j, :] = sum over c of weight[c, j] z[knot[j], c, :].
template <int C, class T>
void table_gather(std::int64_t n, const std::int32_t* knot, const T* weight, const T* z, T* y) {
  for (std::int64_t j = 0; j < n; ++j) {
    const T* from = z + 3 * C * std::int64_t(knot[j]);
    typename RowOf<T, C>::type value, sum = {};
    for (int c = 0; c < 6; ++c) {
      __builtin_memcpy(&value, from + C * c, sizeof value);
      sum += weight[c * n + j] * value;
    }
    __builtin_memcpy(y + C * j, &sum, sizeof sum);
  }
}

/// x[a, :] += sum over n knots and c of sums[knot, c, a] table[3 knot + c, :] for B times V of the columns.
template <int C, class V, int B, class T>
inline void table_outer_block(std::int64_t n, std::int64_t m, const std::int32_t* knot, const T* sums, const T* table,
                              T* x) {
  constexpr int kSize = sizeof(V) / sizeof(T);
  V sum[C][B];
  for (int a = 0; a < C; ++a)
    for (int b = 0; b < B; ++b) sum[a][b] = load<V>(x + a * m + b * kSize);
  for (std::int64_t j = 0; j < n; ++j) {
    const T* from = table + 3 * m * std::int64_t(knot[j]);
    const T* s = sums + 3 * C * std::int64_t(knot[j]);
    for (int c = 0; c < 3; ++c)
      for (int b = 0; b < B; ++b) {
        const V value = load<V>(from + c * m + b * kSize);
        for (int a = 0; a < C; ++a) sum[a][b] += s[c * C + a] * value;
      }
  }
  for (int a = 0; a < C; ++a)
    for (int b = 0; b < B; ++b) store(sum[a][b], x + a * m + b * kSize);
}

/// sum over n entries e and a of sums[e][c, a] x[e][a, :] for each of the three rows c of one knot.
template <int C, class V, int B, class T>
inline void table_update_block(std::int64_t n, std::int64_t m, std::int64_t k, const T* const* sums,
                               const T* const* x, T* table) {
  constexpr int kSize = sizeof(V) / sizeof(T);
  V sum[3][B] = {};
  for (std::int64_t j = 0; j < n; ++j) {
    const T *s = sums[j], *from = x[j] + k;
    for (int a = 0; a < C; ++a)
      for (int b = 0; b < B; ++b) {
        const V value = load<V>(from + a * m + b * kSize);
        for (int c = 0; c < 3; ++c) sum[c][b] += s[c * C + a] * value;
      }
  }
  for (int c = 0; c < 3; ++c)
    for (int b = 0; b < B; ++b) store(sum[c][b], table + c * m + k + b * kSize);
}

/// A register type, or a number, and how many of them side by side.
template <class Type, int N>
struct Columns {
  using V = Type;
  static constexpr int kCount = N;
};

/// Call block(tag of a register type and how many of them, first column) for all columns, in ever narrower registers.
template <class T, int B, int kBytes = kRegisterBytes, class Block>
inline void for_columns(std::int64_t m, const Block& block, std::int64_t k = 0) {
  if constexpr (kBytes < 16) {
    for (; k < m; ++k) block(Columns<T, 1>(), k);
  } else {
    using V = typename Vector<T, kBytes>::type;
    constexpr int kSize = kBytes / sizeof(T);
    for (; k + B * kSize <= m; k += B * kSize) block(Columns<V, B>(), k);
    if constexpr (B > 1)
      for_columns<T, B / 2, kBytes>(m, block, k);
    else
      for_columns<T, 1, kBytes / 2>(m, block, k);
  }
}

// Registers side by side. With the widest ones a number is multiplied straight from memory to all lanes, which costs
// nothing but works once; two at a time would share a copy of it, and making that copy costs more than it saves.
constexpr int kSideBySide = kRegisterBytes == 64 ? 1 : 2;

template <int C, class T>
void table_outer(std::int64_t n, std::int64_t m, const std::int32_t* knot, const T* sums, const T* table, T* x) {
  for_columns<T, C == 1 ? 4 : kSideBySide>(m, [&](auto columns, std::int64_t k) {
    using Tag = decltype(columns);
    table_outer_block<C, typename Tag::V, Tag::kCount>(n, m, knot, sums, table + k, x + k);
  });
}

template <int C, class T>
void table_update(std::int64_t n, std::int64_t m, const T* const* sums, const T* const* x, T* table) {
  for_columns<T, kSideBySide>(m, [&](auto columns, std::int64_t k) {
    using Tag = decltype(columns);
    table_update_block<C, typename Tag::V, Tag::kCount>(n, m, k, sums, x, table);
  });
}

/// The sums of the lanes of four registers, half upon half: the halves of all four lie side by side in each step.
template <class T, class V>
inline void fold_four(const V& a, const V& b, const V& c, const V& d, T* to) {
  constexpr int kSize = sizeof(V) / sizeof(T);
  if constexpr (kSize == 2) {
    const V ab = DP_SHUFFLE(a, b, 0, 2) + DP_SHUFFLE(a, b, 1, 3), cd = DP_SHUFFLE(c, d, 0, 2) + DP_SHUFFLE(c, d, 1, 3);
    store(ab, to), store(cd, to + 2);
  } else if constexpr (kSize == 4) {
    const V ab = DP_SHUFFLE(a, b, 0, 1, 4, 5) + DP_SHUFFLE(a, b, 2, 3, 6, 7);
    const V cd = DP_SHUFFLE(c, d, 0, 1, 4, 5) + DP_SHUFFLE(c, d, 2, 3, 6, 7);
    store(DP_SHUFFLE(ab, cd, 0, 2, 4, 6) + DP_SHUFFLE(ab, cd, 1, 3, 5, 7), to);
  } else if constexpr (kSize == 8) {
    const V ab = DP_SHUFFLE(a, b, 0, 1, 2, 3, 8, 9, 10, 11) + DP_SHUFFLE(a, b, 4, 5, 6, 7, 12, 13, 14, 15);
    const V cd = DP_SHUFFLE(c, d, 0, 1, 2, 3, 8, 9, 10, 11) + DP_SHUFFLE(c, d, 4, 5, 6, 7, 12, 13, 14, 15);
    const V pairs = DP_SHUFFLE(ab, cd, 0, 1, 4, 5, 8, 9, 12, 13) + DP_SHUFFLE(ab, cd, 2, 3, 6, 7, 10, 11, 14, 15);
    const V all = DP_SHUFFLE(pairs, pairs, 0, 2, 4, 6, 0, 2, 4, 6) + DP_SHUFFLE(pairs, pairs, 1, 3, 5, 7, 1, 3, 5, 7);
    __builtin_memcpy(to, &all, 4 * sizeof(T));
  } else {
    const V ab = DP_SHUFFLE(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) +
                 DP_SHUFFLE(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
    const V cd = DP_SHUFFLE(c, d, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) +
                 DP_SHUFFLE(c, d, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
    const V fours = DP_SHUFFLE(ab, cd, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27) +
                    DP_SHUFFLE(ab, cd, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
    const V pairs = DP_SHUFFLE(fours, fours, 0, 1, 4, 5, 8, 9, 12, 13, 0, 1, 4, 5, 8, 9, 12, 13) +
                    DP_SHUFFLE(fours, fours, 2, 3, 6, 7, 10, 11, 14, 15, 2, 3, 6, 7, 10, 11, 14, 15);
    const V all = DP_SHUFFLE(pairs, pairs, 0, 2, 4, 6, 0, 2, 4, 6, 0, 2, 4, 6, 0, 2, 4, 6) +
                  DP_SHUFFLE(pairs, pairs, 1, 3, 5, 7, 1, 3, 5, 7, 1, 3, 5, 7, 1, 3, 5, 7);
    __builtin_memcpy(to, &all, 4 * sizeof(T));
  }
}

/// The parts of a sum of more lanes than a register has, half upon half.
template <int P, class V>
inline V fold_parts(const V* part) {
  if constexpr (P == 1) {
    return part[0];
  } else {
    V half[P / 2];
    for (int p = 0; p < P / 2; ++p) half[p] = part[p] + part[p + P / 2];
    return fold_parts<P / 2>(half);
  }
}

/// z[r, a] = row[r] . x[a, :] for R rows. The last columns are read as a whole stretch that overlaps the one before;
/// there x counts as 0 and is given in `tail` [C, lanes].
template <int C, int R, class T>
inline void table_dot_rows(std::int64_t m, const T* const (&row)[R], const T* x, const T* tail, T* const (&z)[R]) {
  using V = typename Vector<T>::type;
  constexpr int kSize = sizeof(V) / sizeof(T), kLanes = 64 / sizeof(T), kParts = kLanes / kSize;
  V sum[R][C][kParts] = {};
  const auto add = [&](std::int64_t at, const T* factor, std::int64_t stride) {
    for (int p = 0; p < kParts; ++p) {
      V value[C];
      for (int a = 0; a < C; ++a) value[a] = load<V>(factor + a * stride + p * kSize);
      for (int r = 0; r < R; ++r) {
        const V number = load<V>(row[r] + at + p * kSize);
        for (int a = 0; a < C; ++a) sum[r][a][p] += number * value[a];
      }
    }
  };
  const std::int64_t whole = m - m % kLanes;
  for (std::int64_t k = 0; k < whole; k += kLanes) add(k, x + k, m);
  if (whole < m) add(m - kLanes, tail, kLanes);
  for (int r = 0; r < R; ++r) {
    T all[4];
    for (int first = 0; first < C; first += 4) {
      V each[4];
      for (int a = 0; a < 4; ++a) each[a] = fold_parts<kParts>(sum[r][C == 1 ? 0 : first + a]);
      fold_four(each[0], each[1], each[2], each[3], C == 1 ? all : z[r] + first);
    }
    if (C == 1) z[r][0] = all[0];
  }
}

/// z[knot, c, a] = table[3 knot + c, :] . x[a, :] for n knots.
template <int C, class T>
void table_dot(std::int64_t n, std::int64_t m, const std::int32_t* knot, const T* table, const T* x, T* z) {
  static_assert(C == 1 || C % 4 == 0, "as fold_four");
  // As registers allow.
  constexpr int kLanes = 64 / sizeof(T), kRows = kRegisterBytes == 64 ? (C == 8 ? 3 : 6) : C == 1 ? 3 : 1;
  const std::int64_t whole = m - m % kLanes;
  T tail[C * kLanes];
  if (m >= kLanes)
    for (int a = 0; a < C; ++a)
      for (int l = 0; l < kLanes; ++l) tail[a * kLanes + l] = m - kLanes + l < whole ? T(0) : x[a * m + m - kLanes + l];
  for (std::int64_t j = 0; j < 3 * n; j += kRows) {
    const T* row[kRows];
    T* to[kRows];
    T unused[C];
    for (int r = 0; r < kRows; ++r) {
      const std::int64_t number = j + r < 3 * n ? j + r : j, at = 3 * std::int64_t(knot[number / 3]) + number % 3;
      row[r] = table + at * m;
      to[r] = j + r < 3 * n ? z + at * C : unused;
    }
    if (m >= kLanes) {
      table_dot_rows<C, kRows>(m, row, x, tail, to);
    } else {
      for (int r = 0; r < kRows; ++r)
        for (int a = 0; a < C; ++a) {
          T sum = 0;
          for (std::int64_t k = 0; k < m; ++k) sum += row[r][k] * x[a * m + k];
          to[r][a] = sum;
        }
    }
  }
}
