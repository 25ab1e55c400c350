// Rows of the environment matrix. Included by each target inside its own namespace.
//
// Neighbours are worked on in blocks, component by component, so that square root, division and polynomial fill the
// vector registers; the block is then written out neighbour by neighbour.

constexpr int kEnvBlock = 16;

/// Rows of C components, 4 or 1: the first is the same for both, bit for bit.
template <int C, class T>
struct EnvBlock {
  T row[C][kEnvBlock];
  T deriv[3 * C][kEnvBlock];
};

template <int C, class T>
void env_values(const T (&r)[3][kEnvBlock], const Switch<T>& sw, EnvBlock<C, T>& out) {
  for (int k = 0; k < kEnvBlock; ++k) {
    const T x = r[0][k], y = r[1][k], z = r[2][k];
    const T d = root(x * x + y * y + z * z);
    const T i1 = T(1) / d, i2 = i1 * i1;
    T u = (d - sw.rmin) * sw.scale;
    u = u < T(0) ? T(0) : u;
    u = u > T(1) ? T(1) : u;  // S and S' have the right values at both ends
    const T u2 = u * u;
    const T p = (T(-6) * u + T(15)) * u - T(10);
    const T s = u2 * u * p + T(1);
    const T ds = (T(3) * u2 * p + u2 * u * (T(-12) * u + T(15))) * sw.scale;
    const T g = s * i2, h = ds * i2;
    const T a = g * i1 - h;
    out.row[0][k] = s * i1;
    out.deriv[0][k] = x * a;
    out.deriv[1][k] = y * a;
    out.deriv[2][k] = z * a;
    if constexpr (C == 4) {
      const T b = T(2) * g * i2 - h * i1;
      const T xb = x * b, yb = y * b, zb = z * b;
      out.row[1][k] = x * g;
      out.row[2][k] = y * g;
      out.row[3][k] = z * g;
      out.deriv[3][k] = x * xb - g;
      out.deriv[4][k] = out.deriv[6][k] = x * yb;
      out.deriv[5][k] = out.deriv[9][k] = x * zb;
      out.deriv[7][k] = y * yb - g;
      out.deriv[8][k] = out.deriv[10][k] = y * zb;
      out.deriv[11][k] = z * zb - g;
    }
  }
}

template <int C, class T>
void env_rows(int n, const T* rij, const Switch<T>& sw, const T* shift, const T* scale, T* descrpt, T* deriv) {
  T r[3][kEnvBlock];
  EnvBlock<C, T> block;
  for (int begin = 0; begin < n; begin += kEnvBlock) {
    const int m = n - begin < kEnvBlock ? n - begin : kEnvBlock;
    for (int k = 0; k < kEnvBlock; ++k) {
      const int from = begin + (k < m ? k : 0);  // idle lanes repeat a real neighbour: no fault, no slow path
      for (int d = 0; d < 3; ++d) r[d][k] = rij[3 * from + d];
    }
    env_values(r, sw, block);
    for (int k = 0; k < m; ++k) {
      const int slot = begin + k;
      const T* inverse = scale + C * slot;
      for (int c = 0; c < C; ++c) descrpt[C * slot + c] = (block.row[c][k] - shift[C * slot + c]) * inverse[c];
      if (deriv != nullptr)
        for (int c = 0; c < 3 * C; ++c) deriv[3 * C * slot + c] = block.deriv[c][k] * inverse[c / 3];
    }
  }
}
