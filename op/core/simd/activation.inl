// Activation functions with first and second derivative. Included by each target inside its own namespace.
//
// Everything is made of e = exp(-|x|) and e - 1, each to about 1 ulp, in forms without cancellation, so that the
// derivatives keep their relative accuracy in both tails. Results below the smallest normal number may be 0. Both
// precisions are evaluated in double: one polynomial to check. Nothing here contracts a*b + c: the same bits on every
// target. An infinite argument is cut to where the function has ended before it meets a 0.

struct Decay {
  double power, less1;  ///< exp(x), exp(x) - 1
};

/// For x <= 0.
inline Decay decay(double x) {
  constexpr double kLog2e = 1.4426950408889634, kLn2Hi = 6.93147180369123816490e-01,
                   kLn2Lo = 1.90821492927058770002e-10;
  constexpr double kRound = 6755399441055744.0;  // 1.5 * 2^52: adding it rounds to an integer held in the low bits
  constexpr double kEnd = -708.0;                // exp of less is not normal
  const double cut = x < kEnd ? kEnd : x;
  const double shifted = cut * kLog2e + kRound;
  const double n = shifted - kRound;
  const double r = (cut - n * kLn2Hi) - n * kLn2Lo;  // |r| <= ln(2)/2
  double p = 1.0 / 6227020800.0;                     // (exp(r) - 1 - r) / r^2, Taylor series: remainder below 1e-16
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
  const double q = r + r * r * p;  // exp(r) - 1
  std::uint64_t bits;
  __builtin_memcpy(&bits, &shifted, sizeof bits);
  bits = (bits + 1023) << 52;  // 2^n; the exponent of `shifted` is shifted out
  double scale;
  __builtin_memcpy(&scale, &bits, sizeof scale);
  const double part = scale * q;
  return {x < kEnd ? 0.0 : scale + part, x < kEnd ? -1.0 : part + (scale - 1.0)};
}

/// log(1 + y) for 0 <= y <= 1.
inline double log_of_1_plus(double y) {
  // Above sqrt(2) - 1 half of 1 + y is taken, so that |s| <= 0.18 in log(1 + z) = 2 atanh(s), s = z / (2 + z).
  const bool high = y > 0.41421356237309503;
  const double z = high ? 0.5 * (y - 1.0) : y;
  const double s = z / (2.0 + z), s2 = s * s;
  double p = 1.0 / 21.0;
  p = p * s2 + 1.0 / 19.0;
  p = p * s2 + 1.0 / 17.0;
  p = p * s2 + 1.0 / 15.0;
  p = p * s2 + 1.0 / 13.0;
  p = p * s2 + 1.0 / 11.0;
  p = p * s2 + 1.0 / 9.0;
  p = p * s2 + 1.0 / 7.0;
  p = p * s2 + 1.0 / 5.0;
  p = p * s2 + 1.0 / 3.0;
  const double log_z = 2.0 * (s + s * s2 * p);
  return high ? 0.6931471805599453 + log_z : log_z;
}

/// A value with first and second derivative.
struct Jet {
  double value, first, second;
};

inline Jet tanh_jet(double x) {
  const Decay d = decay(-2.0 * __builtin_fabs(x));
  const double s = 1.0 / (2.0 + d.less1), t = __builtin_copysign(-d.less1 * s, x), first = 4.0 * d.power * s * s;
  return {x != x ? x : t, first, -2.0 * t * first};
}

inline Jet sigmoid_jet(double x) {
  const Decay d = decay(-__builtin_fabs(x));
  const double s = 1.0 / (2.0 + d.less1), p = x < 0 ? d.power * s : s, first = d.power * s * s;
  return {x != x ? x : p, first, first * __builtin_copysign(d.less1 * s, -x)};  // 1 - 2p = (e - 1) s for x > 0
}

/// `x` between -limit and limit.
inline double cut(double x, double limit) {
  x = x < -limit ? -limit : x;
  return x > limit ? limit : x;
}

inline Jet silu_jet(double x) {
  const double v = cut(x, 800.0);
  const Jet p = sigmoid_jet(v);
  return {(x > 0 ? x : v) * p.value, p.value + v * p.first, 2.0 * p.first + v * p.second};
}

struct Tanh {
  inline Jet operator()(double x) const { return tanh_jet(x); }
};

/// x p(q(x)) with the logistic function p of q = 2c (x + 0.044715 x^3): (1 + tanh(q/2)) / 2 = p.
struct Gelu {
  inline Jet operator()(double x) const {
    constexpr double kSlope = 1.5957691216057308, kThird = 0.044715;
    const double v = cut(x, 40.0);
    const double q = kSlope * (v + kThird * v * v * v), dq = kSlope * (1.0 + 3.0 * kThird * v * v);
    const double d2q = kSlope * 6.0 * kThird * v;
    const Jet p = sigmoid_jet(q);
    return {(x > 0 ? x : v) * p.value, p.value + v * p.first * dq,
            2.0 * p.first * dq + v * (p.second * dq * dq + p.first * d2q)};
  }
};

struct Relu {
  inline Jet operator()(double x) const { return {x < 0 ? 0.0 : x, x > 0 ? 1.0 : 0.0, 0.0}; }
};

struct Relu6 {
  inline Jet operator()(double x) const {
    const double low = x < 0 ? 0.0 : x;
    return {low > 6.0 ? 6.0 : low, (x > 0 ? 1.0 : 0.0) * (x < 6.0 ? 1.0 : 0.0), 0.0};
  }
};

struct Softplus {
  inline Jet operator()(double x) const {
    const Jet p = sigmoid_jet(x);
    const double high = x < 0 ? 0.0 : x;
    return {high + log_of_1_plus(decay(-__builtin_fabs(x)).power), p.value, p.first};
  }
};

struct Sigmoid {
  inline Jet operator()(double x) const { return sigmoid_jet(x); }
};

struct Silu {
  inline Jet operator()(double x) const { return silu_jet(x); }
};

/// silu below the threshold; above it tanh(a (x - threshold)) + b, which continues value and slope.
struct Silut {
  inline Jet operator()(double x) const {
    const Jet low = silu_jet(x), high = tanh_jet(a * (x - threshold));
    const bool below = x < threshold;
    return {below ? low.value : high.value + b, below ? low.first : a * high.first,
            below ? low.second : a * a * high.second};
  }
  double threshold, a, b;
};

struct Linear {
  inline Jet operator()(double x) const { return {x, 1.0, 0.0}; }
};

template <int kOrder, class T, class F>
inline void apply(const F& function, std::int64_t n, const T* x, T* __restrict__ value, T* __restrict__ first,
                  T* __restrict__ second) {
  for (std::int64_t i = 0; i < n; ++i) {
    const Jet jet = function(static_cast<double>(x[i]));
    value[i] = static_cast<T>(jet.value);
    if constexpr (kOrder > 0) first[i] = static_cast<T>(jet.first);
    if constexpr (kOrder > 1) second[i] = static_cast<T>(jet.second);
  }
}

template <class T, class F>
inline void apply_order(const F& function, std::int64_t n, const T* x, T* value, T* first, T* second) {
  if (second != nullptr) return apply<2>(function, n, x, value, first, second);
  if (first != nullptr) return apply<1>(function, n, x, value, first, second);
  apply<0>(function, n, x, value, first, second);
}

template <class T>
void activate(const Activation& f, std::int64_t n, const T* x, T* value, T* first, T* second) {
  switch (f.kind) {
    case Activation::kTanh: return apply_order(Tanh{}, n, x, value, first, second);
    case Activation::kGelu: return apply_order(Gelu{}, n, x, value, first, second);
    case Activation::kRelu: return apply_order(Relu{}, n, x, value, first, second);
    case Activation::kRelu6: return apply_order(Relu6{}, n, x, value, first, second);
    case Activation::kSoftplus: return apply_order(Softplus{}, n, x, value, first, second);
    case Activation::kSigmoid: return apply_order(Sigmoid{}, n, x, value, first, second);
    case Activation::kSilu: return apply_order(Silu{}, n, x, value, first, second);
    case Activation::kLinear: return apply_order(Linear{}, n, x, value, first, second);
    case Activation::kSilut: break;
  }
  const Jet at = silu_jet(f.threshold);
  apply_order(Silut{f.threshold, at.first, at.value}, n, x, value, first, second);
}
