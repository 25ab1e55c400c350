// Residual norm: nanoseconds per row of 100 numbers and the memory that it reads and writes. One thread.
#include <cstdio>
#include <vector>

#include "bench.h"
#include "dp/residual_norm.h"

namespace {

constexpr int kRows = 192 * 90, kWidth = 100;

template <class T>
void bench(const dp::Target& target) {
  std::vector<T> x(std::size_t(kRows) * kWidth), y(x), z(x);
  for (std::size_t k = 0; k < x.size(); ++k) x[k] = static_cast<T>(k % 7);
  const std::vector<T> o(x), dy(x), t(x), gamma(kWidth, T(0.5));
  std::vector<T> dgamma(gamma), dbeta(gamma);
  dp::ThreadPool pool(1);
  const dp::Context context{pool, target};
  const dp::ResidualNorm sizes{kRows, kWidth, 1e-3};
  const auto show = [&](const char* kernel, int arrays, const std::function<void()>& work) {
    const double ns = nanoseconds(work);
    std::printf("%-9s float%-3d %-24s %8.1f ns/row %7.1f GB/s\n", target.name, int(8 * sizeof(T)), kernel, ns / kRows,
                double(arrays) * sizeof(T) * kRows * kWidth / ns);
  };
  show("norm", 3, [&] {
    dp::residual_norm(sizes, x.data(), o.data(), gamma.data(), gamma.data(), y.data(), context);
  });
  show("norm gradient", 4, [&] {
    dp::residual_norm_grad(sizes, x.data(), o.data(), gamma.data(), dy.data(), y.data(), dgamma.data(), dbeta.data(),
                           context);
  });
  show("norm second order", 6, [&] {
    const dp::NormTangent<T> in{x.data(), o.data(), gamma.data(), dy.data(), t.data(), gamma.data(), gamma.data()};
    dp::residual_norm_grad_grad(sizes, in, y.data(), z.data(), dgamma.data(), context);
  });
}

}  // namespace

void bench_norm(const dp::Target& target) {
  bench<double>(target);
  bench<float>(target);
}
