// Attention over neighbours: GFLOP/s of its products, in value and both derivatives, for atoms with the rows of a
// descriptor, and of the same products alone, one after another over the same atoms. One thread.
#include <cstdio>
#include <random>
#include <vector>

#include "bench.h"
#include "dp/attention.h"
#include "dp/gemm.h"

namespace {

constexpr int kAtoms = 24, kWidth = 128;

template <class T>
std::vector<T> random_numbers(std::size_t n) {
  std::mt19937 random(1);
  std::normal_distribution<double> normal;
  std::vector<T> values(n);
  for (T& value : values) value = static_cast<T>(normal(random));
  return values;
}

template <class T>
void bench(const dp::Target& target, int rows) {
  const std::size_t n = std::size_t(kAtoms) * rows;
  const std::vector<T> wide = random_numbers<T>(3 * n * kWidth), e = random_numbers<T>(3 * n), s(n, T(0.5));
  const std::vector<T> empty(kAtoms, T(10));
  std::vector<T> out[2] = {wide, wide}, de(e), ds(s);
  std::vector<std::int32_t> offsets;
  for (int i = 0; i <= kAtoms; ++i) offsets.push_back(rows * i);
  const dp::Attention sizes{kAtoms, std::int64_t(n), kWidth, 0.0884, 1e-6, true, true, true, false};
  const dp::AttentionRows<const T> x{wide.data(), e.data(), s.data()};
  const dp::AttentionInput<T> in{x, empty.data(), offsets.data()};
  const dp::AttentionRows<T> grad{out[0].data(), de.data(), ds.data()};
  std::vector<T> kept[4];
  for (std::vector<T>& pairs : kept) pairs.resize(dp::attention_pairs<T>(sizes, offsets.data()));
  dp::ThreadPool pool(1);
  const dp::Context context{pool, target};
  const double one = 2.0 * kAtoms * rows * rows * kWidth;
  const auto show = [&](const char* kernel, int products, const std::function<void()>& work) {
    const double ns = nanoseconds(work);
    std::printf("%-9s float%-3d %-24s %4d rows %8.1f us/atom %7.1f GFLOP/s\n", target.name, int(8 * sizeof(T)), kernel,
                rows, ns * 1e-3 / kAtoms, products * one / ns);
  };
  T* o = out[1].data();
  show("attention", 2, [&] { dp::attention(sizes, in, o, kept[0].data(), context); });
  show("attention gradient", 4, [&] {
    dp::attention_grad(sizes, in, kept[0].data(), wide.data(), grad, kept[1].data(), context);
  });
  show("attention tangent", 4, [&] {
    dp::attention_tangent(sizes, in, kept[0].data(), x, o, kept[2].data(), kept[3].data(), context);
  });
  const dp::AttentionKept<T> all{kept[0].data(), kept[1].data(), kept[2].data(), kept[3].data()};
  show("attention second order", 8, [&] {
    dp::attention_second(sizes, in, all, wide.data(), wide.data(), x, grad, context);
  });
  std::vector<T> pairs(std::size_t(rows) * rows, T(0.5));
  const auto products = [&](const char* kernel, auto set) {
    show(kernel, 1, [&] {
      for (int i = 0; i < kAtoms; ++i) {
        dp::Product<T> p;
        const std::size_t at = std::size_t(i) * rows * kWidth;
        set(p, wide.data() + at, out[0].data() + at);
        dp::gemm(p, context);
      }
    });
  };
  products("product a b^T", [&](dp::Product<T>& p, const T* a, T*) {
    p = {rows, rows, kWidth, a, a, pairs.data(), kWidth, kWidth, rows, false, true, false};
  });
  products("product w b", [&](dp::Product<T>& p, const T* b, T* c) {
    p = {rows, kWidth, rows, pairs.data(), b, c, rows, kWidth, kWidth, false, false, false};
  });
  products("product w^T b", [&](dp::Product<T>& p, const T* b, T* c) {
    p = {rows, kWidth, rows, pairs.data(), b, c, rows, kWidth, kWidth, true, false, false};
  });
}

}  // namespace

void bench_attention(const dp::Target& target) {
  for (const int rows : {60, 90, 130}) {
    bench<double>(target, rows);
    bench<float>(target, rows);
  }
}
