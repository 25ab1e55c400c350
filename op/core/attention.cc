// Each atom is one piece of work: what is n by n of it stays in the caches of a core and is made again for each
// derivative. With P pairs = sum of n^2 over the atoms, the products take 2 (o), 5 (gradient) and 12 (second order)
// times 2 P width floating-point operations; attention.inl does the rest.
#include "dp/attention.h"

#include <algorithm>
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
constexpr Need kValue{1, 4, 21}, kGrad{2, 5, 25}, kSecond{6, 10, 29};

/// Scratch and products of one atom after another.
template <class T>
class Work {
 public:
  Work(const Attention& sizes, std::int64_t most, const Need& need, const Kernels<T>& kernel)
      : sizes_(sizes), kernel_(kernel),
        memory_(need.square * most * whole_lines<T>(most) + need.line * whole_lines<T>(most) +
                need.wide * whole_lines<T>(std::max<std::int64_t>(most, 1)) * whole_lines<T>(sizes.width)),
        a_(std::max(most, sizes.width)), c_(a_.size()) {}

  /// Begin an atom: drop what the last one took.
  void begin(std::int64_t first, std::int64_t n) { first_ = first, n_ = n, stride_ = whole_lines<T>(n), taken_ = 0; }

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

  /// The rows of q, k or v as they are multiplied, and of their tangents (or null).
  struct Side {
    const T *value, *tangent;
    AttentionUnit<T> unit;
  };
  Side side(const T* x, const T* xt) {
    Side side{rows(x, sizes_.width), xt == nullptr ? nullptr : rows(xt, sizes_.width), {}};
    side.unit.bend = zeros(), side.unit.along = zeros(), side.unit.drift = zeros();
    if (!sizes_.normalize) return side;
    AttentionUnit<T>& u = side.unit;
    u.unit = wide(), u.inverse = zeros(), u.round = zeros();
    kernel_.attention_unit(n_, sizes_.width, T(sizes_.floor * sizes_.floor), side.value, u);
    side.value = u.unit;
    if (xt == nullptr) return side;
    u.tangent = wide();
    kernel_.attention_unit_tangent(n_, sizes_.width, side.tangent, u);
    side.tangent = u.tangent;
    return side;
  }
  /// dx, which holds the derivative by the rows as they are multiplied, becomes that by x.
  void back(const Side& side, bool second, T* dx) const {
    if (sizes_.normalize) kernel_.attention_unit_back(n_, sizes_.width, side.unit, second, dx);
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
  T* pairs(const T* a, const T* bt) {
    T* to = square();
    pairs(a, bt, to);
    return to;
  }
  /// y [n, width] = or += w [n, stride] . x [n, width]
  void sum(const T* w, const T* x, T* y, bool add = false) {
    point(a_, w, n_, stride_), point(c_, y, n_, sizes_.width);
    kernel_.product(n_, sizes_.width, n_, a_.data(), x, sizes_.width, c_.data(), add);
  }
  /// The same with the transpose of w.
  void sum_transposed(const T* w, const T* x, T* y, bool add = false) {
    point(a_, w, n_, stride_), point(c_, y, n_, sizes_.width);
    kernel_.product_at(n_, sizes_.width, n_, a_.data(), 0, x, sizes_.width, c_.data(), add);
  }

 private:
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
  std::int64_t first_ = 0, n_ = 0, stride_ = 0, taken_ = 0;
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
  for (std::int64_t i = 0; i < sizes.natoms; ++i)
    most = std::max<std::int64_t>(most, in.offsets[i + 1] - in.offsets[i]);
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
        work.begin(in.offsets[i], in.offsets[i + 1] - in.offsets[i]);
        if (work.n() > 0) body(work, i);
      }
    });
  });
}

}  // namespace

template <class T>
void attention(const Attention& sizes, const AttentionInput<T>& in, T* o, const Context& context) {
  for_atoms(sizes, in, kValue, 2, context, [&](Work<T>& work, std::int64_t number) {
    const AttentionAtom<T> atom = work.atom(in, number);
    const auto q = work.side(in.rows.q, nullptr), k = work.side(in.rows.k, nullptr), v = work.side(in.rows.v, nullptr);
    T* w = work.pairs(q.value, work.transposed(k.value));
    kernels<T>(context.target).attention_weights(atom, w);
    work.sum(w, v.value, work.rows(o, sizes.width));
  });
}

template <class T>
void attention_grad(const Attention& sizes, const AttentionInput<T>& in, const T* d_o, const AttentionRows<T>& grad,
                    const Context& context) {
  for_atoms(sizes, in, kGrad, 5, context, [&](Work<T>& work, std::int64_t number) {
    const AttentionAtom<T> atom = work.atom(in, number);
    const auto q = work.side(in.rows.q, nullptr), k = work.side(in.rows.k, nullptr), v = work.side(in.rows.v, nullptr);
    const T* d = work.rows(d_o, sizes.width);
    T *w = work.pairs(q.value, work.transposed(k.value)), *dw = work.pairs(d, work.transposed(v.value));
    T *ds = work.zeros(), *de = work.zeros();
    work.zeros(), work.zeros();  // de is three lines
    kernels<T>(context.target).attention_grad(atom, w, dw, ds, de);
    work.put_gates(ds, de, grad);
    const auto finish = [&](const auto& side, const T* matrix, const T* x, bool transposed, T* array) {
      if (array == nullptr) return;
      T* to = work.rows(array, sizes.width);
      transposed ? work.sum_transposed(matrix, x, to) : work.sum(matrix, x, to);
      work.back(side, false, to);
    };
    finish(q, dw, k.value, false, grad.q);
    finish(k, dw, q.value, true, grad.k);
    finish(v, w, d, true, grad.v);
  });
}

template <class T>
void attention_grad_grad(const Attention& sizes, const AttentionInput<T>& in, const T* d_o,
                         const AttentionRows<const T>& tangent, T* dd_o, const AttentionRows<T>& grad,
                         const Context& context) {
  for_atoms(sizes, in, kSecond, 12, context, [&](Work<T>& work, std::int64_t number) {
    const AttentionAtom<T> atom = work.atom(in, number);
    const auto q = work.side(in.rows.q, tangent.q), k = work.side(in.rows.k, tangent.k),
               v = work.side(in.rows.v, tangent.v);
    const T* d = work.rows(d_o, sizes.width);
    AttentionSecond<T> io{};
    const T* right = work.transposed(k.value);
    io.qk = work.pairs(q.value, right), io.left = work.pairs(q.tangent, right);
    io.right = work.pairs(q.value, work.transposed(k.tangent));
    io.b = work.pairs(d, work.transposed(v.value)), io.c = work.pairs(d, work.transposed(v.tangent));
    io.for_v = work.square();
    io.s = work.gate_s(tangent.s, T(0)), io.e = work.gate_e(tangent.e, T(0));
    io.q = q.unit, io.k = k.unit, io.v = v.unit;
    io.ds = work.zeros(), io.de = work.zeros();
    work.zeros(), work.zeros();  // de is three lines
    kernels<T>(context.target).attention_grad_grad(atom, io);
    work.put_gates(io.ds, io.de, grad);
    if (dd_o != nullptr) {
      work.sum(io.c, v.value, work.rows(dd_o, sizes.width));
      work.sum(io.b, v.tangent, work.rows(dd_o, sizes.width), true);
    }
    if (grad.q != nullptr) {
      T* to = work.rows(grad.q, sizes.width);
      work.sum(io.left, k.value, to), work.sum(io.qk, k.tangent, to, true);
      work.back(q, true, to);
    }
    if (grad.k != nullptr) {
      T* to = work.rows(grad.k, sizes.width);
      work.sum_transposed(io.right, q.value, to), work.sum_transposed(io.qk, q.tangent, to, true);
      work.back(k, true, to);
    }
    if (grad.v != nullptr) {
      T* to = work.rows(grad.v, sizes.width);
      work.sum_transposed(io.for_v, d, to);
      work.back(v, true, to);
    }
  });
}

#define DP_INSTANTIATE(T)                                                                                           \
  template void attention(const Attention&, const AttentionInput<T>&, T*, const Context&);                          \
  template void attention_grad(const Attention&, const AttentionInput<T>&, const T*, const AttentionRows<T>&,       \
                               const Context&);                                                                     \
  template void attention_grad_grad(const Attention&, const AttentionInput<T>&, const T*,                           \
                                    const AttentionRows<const T>&, T*, const AttentionRows<T>&, const Context&);
DP_INSTANTIATE(float)
DP_INSTANTIATE(double)
#undef DP_INSTANTIATE

}  // namespace dp
