// GELU and its derivatives. Included by each target inside its own namespace.
//
// With q(x) = 2c (x + 0.044715 x^3) and the logistic function p = 1 / (1 + exp(-q)), (1 + tanh(q/2)) / 2 = p, so
//   g = x p,   g' = p + x p (1-p) q',   g'' = p (1-p) (2 q' + x q'' + x q'^2 (1-2p)).
// This form keeps its relative accuracy for large negative x, where 1 + tanh would cancel. Both precisions are
// evaluated in double: one polynomial to check.

/// exp(x) to about 1 ulp for |x| <= 700; larger arguments are cut there, where the logistic function has ended.
inline double exp_cut(double x) {
  constexpr double kLog2e = 1.4426950408889634, kLn2Hi = 6.93147180369123816490e-01,
                   kLn2Lo = 1.90821492927058770002e-10;
  constexpr double kRound = 6755399441055744.0;  // 1.5 * 2^52: adding it rounds to an integer held in the low bits
  x = x < -700.0 ? -700.0 : x;
  x = x > 700.0 ? 700.0 : x;
  const double shifted = x * kLog2e + kRound;
  const double n = shifted - kRound;
  const double r = (x - n * kLn2Hi) - n * kLn2Lo;  // |r| <= ln(2)/2
  double p = 1.0 / 6227020800.0;                   // Taylor series to r^13: remainder below 1e-17
  p = p * r + 1.0 / 479001600.0;
  p = p * r + 1.0 / 39916800.0;
  p = p * r + 1.0 / 3628800.0;
  p = p * r + 1.0 / 362880.0;
  p = p * r + 1.0 / 40320.0;
  p = p * r + 1.0 / 5040.0;
  p = p * r + 1.0 / 720.0;
  p = p * r + 1.0 / 120.0;
  p = p * r + 1.0 / 24.0;
  p = p * r + 1.0 / 6.0;
  p = p * r + 0.5;
  p = p * r + 1.0;
  p = p * r + 1.0;
  std::uint64_t bits;
  __builtin_memcpy(&bits, &shifted, sizeof bits);
  bits = (bits + 1023) << 52;  // 2^n; the exponent of `shifted` is shifted out
  double power;
  __builtin_memcpy(&power, &bits, sizeof power);
  return p * power;
}

constexpr double kTwoC = 1.5957691216057308, kCube = 0.044715;

template <class T>
void gelu(std::int64_t n, const T* x, T* y) {
  for (std::int64_t i = 0; i < n; ++i) {
    const double v = static_cast<double>(x[i]);
    const double q = kTwoC * (v + kCube * v * v * v);
    y[i] = static_cast<T>(v / (1.0 + exp_cut(-q)));
  }
}

template <class T>
void gelu_grad(std::int64_t n, const T* dy, const T* x, T* dx) {
  for (std::int64_t i = 0; i < n; ++i) {
    const double v = static_cast<double>(x[i]);
    const double q = kTwoC * (v + kCube * v * v * v), dq = kTwoC * (1.0 + 3.0 * kCube * v * v);
    const double e = exp_cut(-q), p = 1.0 / (1.0 + e);
    dx[i] = static_cast<T>(static_cast<double>(dy[i]) * (p + v * p * (e * p) * dq));  // 1 - p = e p
  }
}

template <class T>
void gelu_grad_grad(std::int64_t n, const T* dy, const T* dy2, const T* x, T* out) {
  for (std::int64_t i = 0; i < n; ++i) {
    const double v = static_cast<double>(x[i]);
    const double q = kTwoC * (v + kCube * v * v * v), dq = kTwoC * (1.0 + 3.0 * kCube * v * v);
    const double d2q = kTwoC * 6.0 * kCube * v;
    const double e = exp_cut(-q), p = 1.0 / (1.0 + e), r = e * p;
    const double g2 = p * r * (2.0 * dq + v * d2q + v * dq * dq * (r - p));
    out[i] = static_cast<T>(static_cast<double>(dy[i]) * static_cast<double>(dy2[i]) * g2);
  }
}
