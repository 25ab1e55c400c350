// Each atom is one piece of work, whose matrices over pairs stay in the caches of a core; products that a later order
// needs again are kept. With P pairs = sum of n^2 over the atoms, the products take 2 (o), 4 (gradient), 4 (tangent) and
// 8 (second order) times 2 P width floating-point operations; attention.inl does the rest.
#include "dp/attention.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "core/offsets.h"
#include "core/scratch.h"
#include "core/simd/kernels.h"
#include "core/workers.h"
#include "dp/error.h"

namespace dp {

namespace {

template <class T>
std::int64_t whole_lines(std::int64_t n) {
  constexpr std::int64_t kLanes = 64 / sizeof(T);
  return (n + kLanes - 1) / kLanes * kLanes;
}

/// Numbers of scratch arrays of an order: [n, stride], [n, width] or its transpose, and [stride].
struct Need {
  std::int64_t square, wide, line;
};
constexpr Need kValue{2, 4, 21}, kGrad{3, 4, 25}, kTangent{4, 8, 25}, kSecond{6, 8, 29};

/// Scratch and products of one atom after another.
template <class T>
class Work {
 public:
  Work(const Attention& sizes, std::int64_t most, const Need& need, const Kernels<T>& kernel)
      : sizes_(sizes), kernel_(kernel),
        memory_(need.square * most * whole_lines<T>(most) + need.line * whole_lines<T>(most) +
                need.wide * whole_lines<T>(std::max<std::int64_t>(most, 1)) * whole_lines<T>(sizes.width)),
        a_(std::max(most, sizes.width)), c_(a_.size()) {}

  /// Begin an atom: drop what the last one took. `pair` is where its pairs begin.
  void begin(std::int64_t first, std::int64_t n, std::int64_t pair) {
    first_ = first, n_ = n, stride_ = whole_lines<T>(n), pair_ = pair, taken_ = 0;
  }

  std::int64_t n() const { return n_; }
  T* square() { return take(n_ * stride_); }
  T* wide() { return take(stride_ * whole_lines<T>(sizes_.width)); }
  T* zeros() {
    T* to = take(stride_);
    std::fill_n(to, stride_, T(0));
    return to;
  }
  template <class U>
  U* rows(U* array, std::int64_t columns) const {
    return array + first_ * columns;
  }
  /// The pairs of the atom in an array over all pairs, or scratch where there is none.
  T* square(T* array) { return array == nullptr ? square() : array + pair_; }
  const T* pairs_of(const T* array) const { return array + pair_; }

  AttentionAtom<T> atom(const AttentionInput<T>& in, std::int64_t number) {
    AttentionAtom<T> atom{n_, stride_, T(sizes_.scale), T(sizes_.smooth ? 20 : 0), T(0), sizes_.off_diagonal,
                          nullptr, nullptr, take(2 * stride_)};
    if (sizes_.smooth) atom.empty = in.empty[number];
    atom.s = gate_s(in.rows.s, T(1));
    atom.e = gate_e(in.rows.e, T(1));
    return atom;
  }
  /// s of the rows; `without` where it does not count.
  const T* gate_s(const T* s, T without) {
    T* to = zeros();
    for (std::int64_t i = 0; i < n_; ++i) to[i] = sizes_.smooth ? rows(s, 1)[i] : without;
    return to;
  }
  /// e of the rows, transposed; (without, 0, 0) where it does not count.
  const T* gate_e(const T* e, T without) {
    T* to = take(3 * stride_);
    std::fill_n(to, 3 * stride_, T(0));
    if (!sizes_.angular) {
      std::fill_n(to, n_, without);
      return to;
    }
    for (std::int64_t i = 0; i < n_; ++i)
      for (int c = 0; c < 3; ++c) to[c * stride_ + i] = rows(e, 3)[3 * i + c];
    return to;
  }
  /// The derivatives by s and e, where they are wanted, to their places.
  void put_gates(const T* ds, const T* de, const AttentionRows<T>& grad) const {
    for (std::int64_t i = 0; i < n_; ++i) {
      if (grad.s != nullptr) rows(grad.s, 1)[i] = sizes_.smooth ? ds[i] : T(0);
      if (grad.e != nullptr)
        for (int c = 0; c < 3; ++c) rows(grad.e, 3)[3 * i + c] = sizes_.angular ? de[c * stride_ + i] : T(0);
    }
  }

  /// The rows of q, k or v (0, 1, 2) as they are multiplied, and of their tangents (or null).
  struct Side {
    int which;
    const T *value, *tangent;
    AttentionUnit<T> unit;
  };
  Side side(int which, const T* qkv, const T* qkv_t) {
    const T *x = part(qkv, which), *xt = qkv_t == nullptr ? nullptr : part(qkv_t, which);
    Side side{which, nullptr, nullptr, {}};
    AttentionUnit<T>& u = side.unit;
    u.bend = zeros(), u.along = zeros(), u.drift = zeros();
    if (!sizes_.normalize) {
      side.value = compact(x);
      if (xt != nullptr) side.tangent = compact(xt);
      return side;
    }
    u.unit = wide(), u.inverse = zeros(), u.round = zeros();
    kernel_.attention_unit(n_, sizes_.width, T(sizes_.floor * sizes_.floor), x, 3 * sizes_.width, u);
    side.value = u.unit;
    if (xt == nullptr) return side;
    u.tangent = wide();
    kernel_.attention_unit_tangent(n_, sizes_.width, xt, 3 * sizes_.width, u);
    side.tangent = u.tangent;
    return side;
  }
  /// Queries, keys and values.
  std::array<Side, 3> sides(const T* qkv, const T* qkv_t) {
    return {side(0, qkv, qkv_t), side(1, qkv, qkv_t), side(2, qkv, qkv_t)};
  }
  /// The derivative by a side in dqkv, of which `sum(to, distance of its rows)` makes that by the rows as multiplied.
  template <class Sum>
  void put(const Side& side, bool second, T* dqkv, const Sum& sum) const {
    if (dqkv == nullptr) return;
    T* to = part(dqkv, side.which);
    sum(to, 3 * sizes_.width);
    if (sizes_.normalize)
      kernel_.attention_unit_back(n_, sizes_.width, side.unit, second, to, 3 * sizes_.width);
  }

  /// The transpose [width, stride], zeros beyond n.
  const T* transposed(const T* x) {
    T* to = wide();
    for (std::int64_t j = 0; j < sizes_.width; ++j) std::fill(to + j * stride_ + n_, to + (j + 1) * stride_, T(0));
    transpose(n_, sizes_.width, x, to, stride_);
    return to;
  }
  /// c [n, stride] = a . bt: dot products of the rows of a with those that bt is the transpose of.
  void pairs(const T* a, const T* bt, T* c) {
    point(a_, a, n_, sizes_.width), point(c_, c, n_, stride_);
    kernel_.product(n_, stride_, sizes_.width, a_.data(), bt, stride_, c_.data(), false);
  }
  /// y [n, width], rows ldy apart, = or += w [n, stride] . x [n, width]
  void sum(const T* w, const T* x, T* y, std::int64_t ldy, bool add = false) {
    point(a_, w, n_, stride_), point(c_, y, n_, ldy);
    kernel_.product(n_, sizes_.width, n_, a_.data(), x, sizes_.width, c_.data(), add);
  }
  /// The same with the transpose of w.
  void sum_transposed(const T* w, const T* x, T* y, std::int64_t ldy, bool add = false) {
    point(a_, w, n_, stride_), point(c_, y, n_, ldy);
    kernel_.product_at(n_, sizes_.width, n_, a_.data(), 0, x, sizes_.width, c_.data(), add);
  }

 private:
  /// Where q, k or v of the atom begin; their rows are 3 width apart.
  template <class U>
  U* part(U* qkv, int which) const {
    return rows(qkv, 3 * sizes_.width) + which * sizes_.width;
  }
  const T* compact(const T* x) {
    T* to = wide();
    for (std::int64_t i = 0; i < n_; ++i) std::copy_n(x + i * 3 * sizes_.width, sizes_.width, to + i * sizes_.width);
    return to;
  }
  T* take(std::int64_t size) {
    T* to = memory_.at(taken_);
    taken_ += size;
    return to;
  }
  template <class U>
  static void point(std::vector<U*>& to, U* array, std::int64_t count, std::int64_t width) {
    for (std::int64_t i = 0; i < count; ++i) to[i] = array + i * width;
  }

  const Attention& sizes_;
  const Kernels<T>& kernel_;
  Scratch<T> memory_;
  std::vector<const T*> a_;
  std::vector<T*> c_;
  std::int64_t first_ = 0, n_ = 0, stride_ = 0, pair_ = 0, taken_ = 0;
};

template <class T>
void check(const Attention& sizes, const AttentionInput<T>& in) {
  if (sizes.natoms < 0 || sizes.nrows < 0 || sizes.width < 0)
    throw InvalidInput("attention: expected sizes of 0 or more, found " + std::to_string(sizes.natoms) + " atoms of " +
                       std::to_string(sizes.nrows) + " rows of " + std::to_string(sizes.width));
  if (!std::isfinite(sizes.scale))
    throw InvalidInput("scale: expected a finite number, found " + std::to_string(sizes.scale));
  if (!(sizes.floor >= 0) || !std::isfinite(sizes.floor))
    throw InvalidInput("floor: expected 0 or more, found " + std::to_string(sizes.floor));
  check_offsets(sizes.natoms, sizes.nrows, in.offsets);
  if (!sizes.smooth) return;
  for (std::int64_t i = 0; i < sizes.natoms; ++i)
    if (!(in.empty[i] >= 0))
      throw InvalidInput("empty[" + std::to_string(i) + "]: expected 0 or more, found " +
                         std::to_string(in.empty[i]));
}

/// Check, then call body(work, number of the atom) for each atom that has rows.
template <class T, class Body>
void for_atoms(const Attention& sizes, const AttentionInput<T>& in, const Need& need, std::int64_t products,
               const Context& context, const Body& body) {
  check(sizes, in);
  if (sizes.nrows == 0) return;
  std::int64_t most = 0;
  std::vector<std::int64_t> pair(sizes.natoms + 1, 0);
  for (std::int64_t i = 0; i < sizes.natoms; ++i) {
    const std::int64_t n = in.offsets[i + 1] - in.offsets[i];
    most = std::max(most, n), pair[i + 1] = pair[i] + n * whole_lines<T>(n);
  }
  constexpr std::int64_t kRowsPerTask = 64;
  const std::int64_t length = std::max<std::int64_t>(1, kRowsPerTask * sizes.natoms / sizes.nrows);
  const std::int64_t rows = length * sizes.nrows / sizes.natoms + 1;
  const std::int64_t cost = products * rows * (rows / length + 1) * sizes.width / 20;  // nanoseconds
  Workers<Work<T>> workers;
  const auto make = [&] { return Work<T>(sizes, most, need, kernels<T>(context.target)); };
  parallel_for(context.pool, (sizes.natoms + length - 1) / length, cost, [&](std::int64_t task) {
    workers.with(make, [&](Work<T>& work) {
      const std::int64_t end = std::min(sizes.natoms, (task + 1) * length);
      for (std::int64_t i = task * length; i < end; ++i) {
        work.begin(in.offsets[i], in.offsets[i + 1] - in.offsets[i], pair[i]);
        if (work.n() > 0) body(work, i);
      }
    });
  });
}

}  // namespace

template <class T>
std::int64_t attention_pairs(const Attention& sizes, const std::int32_t* offsets) {
  check_offsets(sizes.natoms, sizes.nrows, offsets);
  std::int64_t pairs = 0;
  for (std::int64_t i = 0; i < sizes.natoms; ++i) {
    const std::int64_t n = offsets[i + 1] - offsets[i];
    pairs += n * whole_lines<T>(n);
  }
  return pairs;
}

template <class T>
void attention(const Attention& sizes, const AttentionInput<T>& in, T* o, T* qk, const Context& context) {
  for_atoms(sizes, in, kValue, 2, context, [&](Work<T>& work, std::int64_t number) {
    const AttentionAtom<T> atom = work.atom(in, number);
    const auto [q, k, v] = work.sides(in.rows.qkv, nullptr);
    T* const logits = work.square(qk);
    work.pairs(q.value, work.transposed(k.value), logits);
    if (o == nullptr) return;
    T* const w = work.square();
    kernels<T>(context.target).attention_weights(atom, logits, w);
    work.sum(w, v.value, work.rows(o, sizes.width), sizes.width);
  });
}

template <class T>
void attention_grad(const Attention& sizes, const AttentionInput<T>& in, const T* qk, const T* d_o,
                    const AttentionRows<T>& grad, T* dov, const Context& context) {
  for_atoms(sizes, in, kGrad, 4, context, [&](Work<T>& work, std::int64_t number) {
    const AttentionAtom<T> atom = work.atom(in, number);
    const auto sides = work.sides(in.rows.qkv, nullptr);
    const auto &q = sides[0], &k = sides[1], &v = sides[2];
    const T* d = work.rows(d_o, sizes.width);
    T *b = work.square(dov), *w = work.square(), *dw = work.square(), *ds = work.zeros(), *de = work.zeros();
    work.zeros(), work.zeros();  // de is three lines
    work.pairs(d, work.transposed(v.value), b);
    kernels<T>(context.target).attention_grad(atom, work.pairs_of(qk), b, w, dw, ds, de);
    work.put_gates(ds, de, grad);
    work.put(q, false, grad.qkv, [&](T* to, std::int64_t ld) { work.sum(dw, k.value, to, ld); });
    work.put(k, false, grad.qkv, [&](T* to, std::int64_t ld) { work.sum_transposed(dw, q.value, to, ld); });
    work.put(v, false, grad.qkv, [&](T* to, std::int64_t ld) { work.sum_transposed(w, d, to, ld); });
  });
}

template <class T>
void attention_tangent(const Attention& sizes, const AttentionInput<T>& in, const T* qk,
                       const AttentionRows<const T>& tangent, T* dd_o, T* left, T* right, const Context& context) {
  for_atoms(sizes, in, kTangent, 4, context, [&](Work<T>& work, std::int64_t number) {
    const AttentionAtom<T> atom = work.atom(in, number);
    const auto [q, k, v] = work.sides(in.rows.qkv, tangent.qkv);
    T *const of_q = work.square(left), *const of_k = work.square(right);
    work.pairs(q.tangent, work.transposed(k.value), of_q);
    work.pairs(q.value, work.transposed(k.tangent), of_k);
    if (dd_o == nullptr) return;
    const AttentionTangent<T> io{work.pairs_of(qk), of_q, of_k, work.gate_s(tangent.s, T(0)),
                                 work.gate_e(tangent.e, T(0)), work.square(), work.square()};
    kernels<T>(context.target).attention_tangent(atom, io);
    T* const to = work.rows(dd_o, sizes.width);
    work.sum(io.weight_t, v.value, to, sizes.width);
    work.sum(io.weight, v.tangent, to, sizes.width, true);
  });
}

template <class T>
void attention_second(const Attention& sizes, const AttentionInput<T>& in, const AttentionKept<T>& kept, const T* d_o,
                      const T* d2_o, const AttentionRows<const T>& tangent, const AttentionRows<T>& grad,
                      const Context& context) {
  for_atoms(sizes, in, kSecond, 8, context, [&](Work<T>& work, std::int64_t number) {
    const AttentionAtom<T> atom = work.atom(in, number);
    const auto sides = work.sides(in.rows.qkv, tangent.qkv);
    const auto &q = sides[0], &k = sides[1], &v = sides[2];
    const T *d = work.rows(d_o, sizes.width), *d2 = work.rows(d2_o, sizes.width);
    AttentionSecond<T> io{};
    io.t = {work.pairs_of(kept.qk), work.pairs_of(kept.left), work.pairs_of(kept.right),
            work.gate_s(tangent.s, T(0)), work.gate_e(tangent.e, T(0)), work.square(), work.square()};
    io.b = work.pairs_of(kept.dov);
    work.pairs(d2, work.transposed(v.value), io.t.weight);
    work.pairs(d, work.transposed(v.tangent), io.t.weight_t);
    io.bar = work.square(), io.left = work.square(), io.right = work.square(), io.for_v = work.square();
    io.q = q.unit, io.k = k.unit, io.v = v.unit;
    io.ds = work.zeros(), io.de = work.zeros();
    work.zeros(), work.zeros();  // de is three lines
    kernels<T>(context.target).attention_second(atom, io);
    work.put_gates(io.ds, io.de, grad);
    work.put(q, true, grad.qkv, [&](T* to, std::int64_t ld) {
      work.sum(io.left, k.value, to, ld), work.sum(io.bar, k.tangent, to, ld, true);
    });
    work.put(k, true, grad.qkv, [&](T* to, std::int64_t ld) {
      work.sum_transposed(io.right, q.value, to, ld), work.sum_transposed(io.bar, q.tangent, to, ld, true);
    });
    work.put(v, true, grad.qkv, [&](T* to, std::int64_t ld) {
      work.sum_transposed(io.for_v, d, to, ld), work.sum_transposed(io.t.weight, d2, to, ld, true);
    });
  });
}

#define DP_INSTANTIATE(T)                                                                                             \
  template std::int64_t attention_pairs<T>(const Attention&, const std::int32_t*);                                    \
  template void attention(const Attention&, const AttentionInput<T>&, T*, T*, const Context&);                        \
  template void attention_grad(const Attention&, const AttentionInput<T>&, const T*, const T*,                        \
                               const AttentionRows<T>&, T*, const Context&);                                          \
  template void attention_tangent(const Attention&, const AttentionInput<T>&, const T*, const AttentionRows<const T>&, \
                                  T*, T*, T*, const Context&);                                                        \
  template void attention_second(const Attention&, const AttentionInput<T>&, const AttentionKept<T>&, const T*,       \
                                 const T*, const AttentionRows<const T>&, const AttentionRows<T>&, const Context&);
DP_INSTANTIATE(float)
DP_INSTANTIATE(double)
#undef DP_INSTANTIATE

}  // namespace dp
