// GELU and its derivatives against the standard library's tanh; every tail length; the same bits on every target.
#include "dp/gelu.h"

#include <vector>

#include "check.h"

namespace {

double by_tanh(double x, int order) {
  const double c = std::sqrt(2 / 3.14159265358979323846), b = 0.044715;
  const double t = std::tanh(c * (x + b * x * x * x)), u = c * (1 + 3 * b * x * x), v = c * 6 * b * x;
  if (order == 0) return 0.5 * x * (1 + t);
  if (order == 1) return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * u;
  return (1 - t * t) * (u + 0.5 * x * v - x * t * u * u);
}

template <class T>
std::vector<T> run(const std::vector<T>& x, int order, const dp::Context& context) {
  std::vector<T> out(x.size()), dy(x.size(), T(2)), dy2(x.size(), T(-3));
  const std::int64_t n = static_cast<std::int64_t>(x.size());
  if (order == 0) dp::gelu(n, x.data(), out.data(), context);
  if (order == 1) dp::gelu_grad(n, dy.data(), x.data(), out.data(), context);
  if (order == 2) dp::gelu_grad_grad(n, dy.data(), dy2.data(), x.data(), out.data(), context);
  return out;
}

template <class T>
void compare(int n, double tolerance) {
  std::vector<T> x;
  for (int k = 0; k < n; ++k) x.push_back(static_cast<T>(-6 + 12.0 * k / n));
  dp::ThreadPool one(1), three(3);
  const double factor[] = {1, 2, -6};
  for (int order = 0; order < 3; ++order) {
    const std::vector<T> base = run(x, order, {one, dp::find_target("baseline")});
    for (int k = 0; k < n; ++k) CHECK_NEAR(base[k], factor[order] * by_tanh(x[k], order), tolerance);
    for (const dp::Target* target : dp::targets()) {
      CHECK(run(x, order, {one, *target}) == base);
      CHECK(run(x, order, {three, *target}) == base);
    }
  }
}

}  // namespace

TEST_MAIN(
    for (int n = 0; n < 35; ++n) {
      compare<double>(n, 1e-12);
      compare<float>(n, 1e-5);
    }
    compare<double>(20000, 1e-12))
