// What the attention of one atom does beside matrix products. Included by each target inside its own namespace, after
// gemm.inl and activation.inl.
//
// Matrices over pairs of rows are [n, stride] with zeros up to a whole cache line. Whoever lacks a gate passes ones (s)
// or unit vectors (e) and a shift of 0: the arithmetic is small beside the products. Sums have the lanes of one cache
// line on every target.

/// The numbers of a cache line.
template <class T>
struct Line {
  using V = typename Vector<T>::type;
  static constexpr int kSize = sizeof(V) / sizeof(T), kParts = 64 / sizeof(V), kLanes = 64 / sizeof(T);
  V part[kParts];
};

template <class T>
inline Line<T> line(const T* from) {
  Line<T> x;
  for (int p = 0; p < x.kParts; ++p) x.part[p] = load<typename Line<T>::V>(from + p * x.kSize);
  return x;
}

template <class T>
inline void put(const Line<T>& x, T* to) {
  for (int p = 0; p < x.kParts; ++p) store(x.part[p], to + p * x.kSize);
}

template <class T>
inline Line<T> all(T value) {
  Line<T> x;
  for (int p = 0; p < x.kParts; ++p) x.part[p] = value - typename Line<T>::V{};
  return x;
}

template <class T>
inline Line<T> operator+(Line<T> a, const Line<T>& b) {
  for (int p = 0; p < a.kParts; ++p) a.part[p] += b.part[p];
  return a;
}

template <class T>
inline Line<T> operator-(Line<T> a, const Line<T>& b) {
  for (int p = 0; p < a.kParts; ++p) a.part[p] -= b.part[p];
  return a;
}

template <class T>
inline Line<T> operator*(Line<T> a, const Line<T>& b) {
  for (int p = 0; p < a.kParts; ++p) a.part[p] *= b.part[p];
  return a;
}

template <class T>
inline Line<T> larger(Line<T> a, const Line<T>& b) {
  for (int p = 0; p < a.kParts; ++p) a.part[p] = a.part[p] > b.part[p] ? a.part[p] : b.part[p];
  return a;
}

template <class T>
inline T total(const Line<T>& x) {
  T lane[Line<T>::kLanes];
  put(x, lane);
  return lane_sum<Line<T>::kLanes>(lane);
}

template <class T>
inline void add_to(T* to, const Line<T>& x) {
  put(line(to) + x, to);
}

template <class T>
inline T dot(std::int64_t n, const T* a, const T* b) {
  constexpr int kLanes = Line<T>::kLanes;
  Line<T> sum = all(T(0));
  std::int64_t j = 0;
  for (; j + kLanes <= n; j += kLanes) sum = sum + line(a + j) * line(b + j);
  T rest = 0;
  for (; j < n; ++j) rest += a[j] * b[j];
  return total(sum) + rest;
}

/// Three rows of an array [3, stride], at column j, times one number each.
template <class T>
inline Line<T> three(const AttentionAtom<T>& atom, const T* e, const Line<T>* factor, std::int64_t j) {
  return line(e + j) * factor[0] + (line(e + atom.stride + j) * factor[1] + line(e + 2 * atom.stride + j) * factor[2]);
}

/// Row m of the softmax: p [stride] from the row `a` of q.k, which may be the same array.
template <class T>
inline void attention_softmax(const AttentionAtom<T>& atom, std::int64_t m, const T* a, T* p) {
  constexpr int kLanes = Line<T>::kLanes;
  const Line<T> scale = all(atom.scale), shift = all(atom.shift), s = all(atom.s[m]);
  for (std::int64_t j = 0; j < atom.stride; j += kLanes)
    put((line(a + j) * scale + shift) * (s * line(atom.s + j)) - shift, p + j);
  for (std::int64_t j = atom.n; j < atom.stride; ++j) p[j] = T(-__builtin_inf());
  Line<T> most = all(p[0]);
  for (std::int64_t j = 0; j < atom.stride; j += kLanes) most = larger(line(p + j), most);
  T lane[kLanes], top = p[0];
  put(most, lane);
  for (int l = 0; l < kLanes; ++l) top = lane[l] > top ? lane[l] : top;
  if (atom.empty > 0 && top < -atom.shift) top = -atom.shift;
  for (std::int64_t j = 0; j < atom.stride; ++j) p[j] = T(decay(double(p[j] - top)).power);
  Line<T> sum = all(T(0));
  for (std::int64_t j = 0; j < atom.stride; j += kLanes) sum = sum + line(p + j);
  T whole = total(sum);
  if (atom.empty > 0) whole += atom.empty * T(decay(double(-atom.shift - top)).power);
  const Line<T> inverse = all(1 / whole);
  for (std::int64_t j = 0; j < atom.stride; j += kLanes) put(line(p + j) * inverse, p + j);
}

/// w [n, stride]: from q.k the finished weights.
template <class T>
void attention_weights(const AttentionAtom<T>& atom, const T* qk, T* w) {
  for (std::int64_t m = 0; m < atom.n; ++m, qk += atom.stride, w += atom.stride) {
    attention_softmax(atom, m, qk, w);
    const Line<T> s = all(atom.s[m]);
    const Line<T> e[3] = {all(atom.e[m]), all(atom.e[atom.stride + m]), all(atom.e[2 * atom.stride + m])};
    for (std::int64_t j = 0; j < atom.stride; j += Line<T>::kLanes)
      put(line(w + j) * (s * line(atom.s + j)) * three(atom, atom.e, e, j), w + j);
    if (atom.off_diagonal) w[m] = 0;
  }
}

/// Ones, and zeros beyond n. A row of off-diagonal weights closes its own place while it is worked on.
template <class T>
inline T* attention_mask(const AttentionAtom<T>& atom, T* mask) {
  for (std::int64_t j = 0; j < atom.stride; ++j) mask[j] = j < atom.n ? T(1) : T(0);
  return mask;
}

/// With P the softmax, p = s[m] s[n], d = e[m].e[n] and W = P p d; bar: the derivative by.
///   Lbar = W Wbar - P (sum over n of W Wbar);  pbar = Lbar (L before its gate) + P d Wbar;  dbar = P p Wbar
template <class T>
void attention_grad(const AttentionAtom<T>& atom, const T* qk, const T* b, T* w, T* dw, T* ds, T* de) {
  constexpr int kLanes = Line<T>::kLanes;
  const std::int64_t stride = atom.stride;
  T *soft = atom.row, *mask = attention_mask(atom, atom.row + stride);
  for (std::int64_t j = 0; j < stride; ++j) ds[j] = 0;
  for (std::int64_t j = 0; j < 3 * stride; ++j) de[j] = 0;
  const Line<T> scale = all(atom.scale), shift = all(atom.shift);
  for (std::int64_t m = 0; m < atom.n; ++m, qk += stride, b += stride, w += stride, dw += stride) {
    attention_softmax(atom, m, qk, soft);
    if (atom.off_diagonal) mask[m] = 0;
    const Line<T> s = all(atom.s[m]);
    const Line<T> e[3] = {all(atom.e[m]), all(atom.e[stride + m]), all(atom.e[2 * stride + m])};
    Line<T> sum = all(T(0));
    for (std::int64_t j = 0; j < stride; j += kLanes)
      sum = sum + line(soft + j) * (s * line(atom.s + j)) * (three(atom, atom.e, e, j) * line(mask + j)) * line(b + j);
    const Line<T> mean = all(total(sum));
    Line<T> s_sum = all(T(0)), e_sum[3] = {s_sum, s_sum, s_sum};
    for (std::int64_t j = 0; j < stride; j += kLanes) {
      const Line<T> sn = line(atom.s + j), p = s * sn, open = line(mask + j), d = three(atom, atom.e, e, j) * open;
      const Line<T> soft_n = line(soft + j), part = soft_n * line(b + j), weight = soft_n * p * d;
      const Line<T> lbar = part * p * d - soft_n * mean, logit = line(qk + j) * scale + shift;
      const Line<T> pbar = lbar * logit + part * d, dbar = part * p * open;
      put(weight, w + j);
      put(lbar * p * scale, dw + j);
      s_sum = s_sum + pbar * sn;
      add_to(ds + j, pbar * s);
      for (int c = 0; c < 3; ++c) {
        e_sum[c] = e_sum[c] + dbar * line(atom.e + c * stride + j);
        add_to(de + c * stride + j, dbar * e[c]);
      }
    }
    ds[m] += total(s_sum);
    for (int c = 0; c < 3; ++c) de[c * stride + m] += total(e_sum[c]);
    mask[m] = 1;
  }
}

/// One row with its tangents: sums that later passes over the row need.
template <class T>
struct AttentionRow {
  Line<T> s, st, e[3], et[3];
  Line<T> slope;  ///< sum over n of P Lt, Lt the tangent of the logits
  Line<T> mean;   ///< sum over n of P Ptbar
  Line<T> last;   ///< sum over n of P Pbar
};

template <class T>
inline AttentionRow<T> attention_row(const AttentionAtom<T>& atom, const AttentionTangent<T>& io, std::int64_t m) {
  const Line<T> zero = all(T(0));
  AttentionRow<T> row{all(atom.s[m]), all(io.s[m]), {}, {}, zero, zero, zero};
  for (int c = 0; c < 3; ++c) row.e[c] = all(atom.e[c * atom.stride + m]), row.et[c] = all(io.e[c * atom.stride + m]);
  return row;
}

/// One line of pairs: gates, logits and their tangents.
template <class T>
struct AttentionPairs {
  inline AttentionPairs(const AttentionAtom<T>& atom, const AttentionTangent<T>& io, const AttentionRow<T>& row,
                        std::int64_t at, std::int64_t j, const T* soft_row, const T* mask)
      : soft(line(soft_row + j)), sn(line(atom.s + j)), stn(line(io.s + j)), open(line(mask + j)) {
    const Line<T> scale = all(atom.scale);
    p = row.s * sn, pt = row.st * sn + row.s * stn;
    d = three(atom, atom.e, row.e, j) * open;
    dt = (three(atom, atom.e, row.et, j) + three(atom, io.e, row.e, j)) * open;
    gate = p * d, gate_t = pt * d + p * dt;
    qk = line(io.qk + at + j) * scale, left = line(io.left + at + j) * scale, right = line(io.right + at + j) * scale;
    logit = qk + all(atom.shift);
    logit_t = (left + right) * p + logit * pt;
  }

  Line<T> soft, sn, stn, open, p, pt, d, dt, gate, gate_t, qk, left, right, logit, logit_t;
};

/// The tangent of the weights: with the marks of attention_grad, t for tangents and G = p d,
///   Lt = (q.k)t p + (q.k + shift) pt;  Pt = P (Lt - sum P Lt);  Gt = pt d + p dt;  W = P G;  Wt = Pt G + P Gt
template <class T>
void attention_tangent(const AttentionAtom<T>& atom, const AttentionTangent<T>& io) {
  constexpr int kLanes = Line<T>::kLanes;
  const std::int64_t stride = atom.stride;
  T *soft = atom.row, *mask = attention_mask(atom, atom.row + stride);
  for (std::int64_t m = 0; m < atom.n; ++m) {
    const std::int64_t at = m * stride;
    attention_softmax(atom, m, io.qk + at, soft);
    if (atom.off_diagonal) mask[m] = 0;
    AttentionRow<T> row = attention_row(atom, io, m);
    for (std::int64_t j = 0; j < stride; j += kLanes) {
      const AttentionPairs<T> x(atom, io, row, at, j, soft, mask);
      row.slope = row.slope + x.soft * x.logit_t;
    }
    row.slope = all(total(row.slope));
    for (std::int64_t j = 0; j < stride; j += kLanes) {
      const AttentionPairs<T> x(atom, io, row, at, j, soft, mask);
      put(x.soft * x.gate, io.weight + at + j);
      put(x.soft * (x.logit_t - row.slope) * x.gate + x.soft * x.gate_t, io.weight_t + at + j);
    }
    mask[m] = 1;
  }
}

/// The same with the derivatives by the weights, b by their tangents and c by themselves.
template <class T>
struct AttentionBars : AttentionPairs<T> {
  inline AttentionBars(const AttentionAtom<T>& atom, const AttentionSecond<T>& io, const AttentionRow<T>& row,
                       std::int64_t at, std::int64_t j, const T* soft_row, const T* mask)
      : AttentionPairs<T>(atom, io.t, row, at, j, soft_row, mask), b(line(io.b + at + j)),
        vt(line(io.t.weight_t + at + j)), c(vt + line(io.t.weight + at + j)) {}
  inline Line<T> soft_t_bar() const { return b * this->gate; }
  inline Line<T> soft_bar(const AttentionRow<T>& row) const {
    return b * this->gate_t + c * this->gate + soft_t_bar() * (this->logit_t - row.slope) - this->logit_t * row.mean;
  }

  Line<T> b, vt, c;
};

/// The gradient of sum(do ot) + sum(do2 o), ot the tangent of o, backward from Wtbar = do.v (b) and
/// Wbar = do.vt + do2.v (c) through what attention_tangent does:
///   Ptbar = b G;  Pbar = b Gt + c G + Ptbar (Lt - sum P Lt) - Lt (sum P Ptbar);  Gtbar = b P;  Gbar = b Pt + c P
///   Ltbar = P (Ptbar - sum P Ptbar);  Lbar = P (Pbar - sum P Pbar)
template <class T>
void attention_second(const AttentionAtom<T>& atom, const AttentionSecond<T>& io) {
  constexpr int kLanes = Line<T>::kLanes;
  const std::int64_t stride = atom.stride;
  T *soft = atom.row, *mask = attention_mask(atom, atom.row + stride);
  T* const sums[] = {io.ds, io.de, io.de + stride, io.de + 2 * stride, io.k.along, io.k.drift, io.v.along, io.v.drift};
  for (T* sum : sums)
    for (std::int64_t j = 0; j < stride; ++j) sum[j] = 0;
  const Line<T> zero = all(T(0)), scale = all(atom.scale);
  for (std::int64_t m = 0; m < atom.n; ++m) {
    const std::int64_t at = m * stride;
    attention_softmax(atom, m, io.t.qk + at, soft);
    if (atom.off_diagonal) mask[m] = 0;
    AttentionRow<T> row = attention_row(atom, io.t, m);
    Line<T> slope = zero, mean = zero, last = zero;
    for (std::int64_t j = 0; j < stride; j += kLanes) {
      const AttentionBars<T> x(atom, io, row, at, j, soft, mask);
      slope = slope + x.soft * x.logit_t;
      mean = mean + x.soft * x.soft_t_bar();
    }
    row.slope = all(total(slope)), row.mean = all(total(mean));
    for (std::int64_t j = 0; j < stride; j += kLanes) {
      const AttentionBars<T> x(atom, io, row, at, j, soft, mask);
      last = last + x.soft * x.soft_bar(row);
    }
    row.last = all(total(last));
    const Line<T> bend_q = all(io.q.bend[m]);
    Line<T> s_sum = zero, e_sum[3] = {zero, zero, zero}, along = zero, drift = zero;
    for (std::int64_t j = 0; j < stride; j += kLanes) {
      const AttentionBars<T> x(atom, io, row, at, j, soft, mask);
      const Line<T> soft_t = x.soft * (x.logit_t - row.slope);
      const Line<T> logit_t_bar = x.soft * (x.soft_t_bar() - row.mean);
      const Line<T> logit_bar = x.soft * (x.soft_bar(row) - row.last);
      const Line<T> gate_bar = x.b * soft_t + x.c * x.soft, gate_t_bar = x.b * x.soft;
      const Line<T> qk_t_bar = logit_t_bar * x.p, qk_bar = logit_t_bar * x.pt + logit_bar * x.p;
      const Line<T> pbar = logit_t_bar * (x.left + x.right) + logit_bar * x.logit + x.d * gate_bar + x.dt * gate_t_bar;
      const Line<T> ptbar = logit_t_bar * x.logit + x.d * gate_t_bar;
      const Line<T> dbar = (x.p * gate_bar + x.pt * gate_t_bar) * x.open, dtbar = x.p * gate_t_bar * x.open;
      const Line<T> weight = x.soft * x.gate, weight_t = soft_t * x.gate + x.soft * x.gate_t;
      s_sum = s_sum + pbar * x.sn + ptbar * x.stn;
      add_to(io.ds + j, pbar * row.s + ptbar * row.st);
      for (int c = 0; c < 3; ++c) {
        e_sum[c] = e_sum[c] + dbar * line(atom.e + c * stride + j) + dtbar * line(io.t.e + c * stride + j);
        add_to(io.de + c * stride + j, dbar * row.e[c] + dtbar * row.et[c]);
      }
      along = along + qk_t_bar * x.qk, drift = drift + qk_t_bar * x.left;
      add_to(io.k.along + j, qk_t_bar * x.qk);
      add_to(io.k.drift + j, qk_t_bar * x.right);
      add_to(io.v.along + j, weight * x.b);
      add_to(io.v.drift + j, weight * x.vt);
      put(qk_t_bar * scale, io.bar + at + j);
      put((qk_bar - bend_q * qk_t_bar) * scale, io.left + at + j);
      put((qk_bar - line(io.k.bend + j) * qk_t_bar) * scale, io.right + at + j);
      put(weight, io.t.weight + at + j);
      put(weight_t, io.t.weight_t + at + j);
      put(weight_t - line(io.v.bend + j) * weight, io.for_v + at + j);
    }
    io.ds[m] += total(s_sum);
    for (int c = 0; c < 3; ++c) io.de[c * stride + m] += total(e_sum[c]);
    io.q.along[m] = total(along), io.q.drift[m] = total(drift);
    mask[m] = 1;
  }
}

/// Fetch a row that is read after the next: rows lie apart, in an array that no cache holds.
template <class T>
inline void fetch_row(std::int64_t width, const T* from) {
  for (std::int64_t j = 0; j < width; j += Line<T>::kLanes) __builtin_prefetch(from + j);
}

/// unit [n, width]: rows of x divided by sqrt(max(sum of squares, floor2)).
template <class T>
void attention_unit(std::int64_t n, std::int64_t width, T floor2, const T* x, std::int64_t ldx,
                    const AttentionUnit<T>& u) {
  for (std::int64_t i = 0; i < n; ++i, x += ldx) {
    fetch_row(width, x + 3 * ldx);
    const T square = dot(width, x, x), divisor2 = square < floor2 ? floor2 : square;
    const T inverse = divisor2 == 0 ? T(0) : 1 / root(divisor2);
    u.inverse[i] = inverse;
    u.round[i] = divisor2 == 0 || square < floor2 ? T(0) : T(1);
    T* unit = u.unit + i * width;
    for (std::int64_t j = 0; j < width; ++j) unit[j] = x[j] * inverse;
  }
}

/// tangent [n, width] of `unit` from that of x, and bend: how fast the divisor grows, times the inverse squared.
template <class T>
void attention_unit_tangent(std::int64_t n, std::int64_t width, const T* xt, std::int64_t ldx,
                            const AttentionUnit<T>& u) {
  for (std::int64_t i = 0; i < n; ++i, xt += ldx) {
    fetch_row(width, xt + 3 * ldx);
    const T* unit = u.unit + i * width;
    const T inverse = u.inverse[i], part = u.round[i] * dot(width, unit, xt);
    u.bend[i] = inverse * part;
    T* tangent = u.tangent + i * width;
    for (std::int64_t j = 0; j < width; ++j) tangent[j] = inverse * (xt[j] - part * unit[j]);
  }
}

/// dx [n, width], in place, from the derivative y by `unit`: inverse (y - (unit.y) unit). In the second order y is the
/// derivative by `unit` less bend times yt, that by the tangent; along = unit.yt and drift = tangent.yt do the rest:
/// inverse (y - (unit.y + drift) unit - along tangent). Below the floor the divisor is a constant: inverse y.
template <class T>
void attention_unit_back(std::int64_t n, std::int64_t width, const AttentionUnit<T>& u, bool second, T* dx,
                         std::int64_t ldx) {
  for (std::int64_t i = 0; i < n; ++i, dx += ldx) {
    const T* unit = u.unit + i * width;
    const T inverse = u.inverse[i];
    if (u.round[i] == 0) {
      for (std::int64_t j = 0; j < width; ++j) dx[j] = inverse * dx[j];
    } else if (!second) {
      const T part = dot(width, unit, dx);
      for (std::int64_t j = 0; j < width; ++j) dx[j] = inverse * (dx[j] - part * unit[j]);
    } else {
      const T* tangent = u.tangent + i * width;
      const T part = dot(width, unit, dx) + u.drift[i], along = u.along[i];
      for (std::int64_t j = 0; j < width; ++j)
        dx[j] = inverse * ((dx[j] - part * unit[j]) - along * tangent[j]);
    }
  }
}
