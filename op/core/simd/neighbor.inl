// Distance filter of the neighbour search. Included by each target inside its own namespace.

template <class T>
int within(int n, const T* x, const T* y, const T* z, const T* centre, T rcut2, float rcut2_f32,
           std::int32_t* position, float* distance2) {
  constexpr int kBlock = 64;
  const T cx = centre[0], cy = centre[1], cz = centre[2];
  const float fx = static_cast<float>(cx), fy = static_cast<float>(cy), fz = static_cast<float>(cz);
  float near2[kBlock];
  int found = 0;
  for (int begin = 0; begin < n; begin += kBlock) {
    const int m = n - begin < kBlock ? n - begin : kBlock;
    for (int k = 0; k < m; ++k) {
      const T dx = x[begin + k] - cx, dy = y[begin + k] - cy, dz = z[begin + k] - cz;
      // The order of the slots is defined by positions rounded to float32 before they are subtracted.
      const float gx = static_cast<float>(x[begin + k]) - fx, gy = static_cast<float>(y[begin + k]) - fy,
                  gz = static_cast<float>(z[begin + k]) - fz;
      const float d2 = gx * gx + gy * gy + gz * gz;
      const bool in_t = dx * dx + dy * dy + dz * dz < rcut2;
      near2[k] = in_t ? (d2 <= rcut2_f32 ? d2 : -1.0f) : -1.0f;
    }
    for (int k = 0; k < m; ++k) {  // written always, kept when near: no branch to mispredict
      position[found] = begin + k;
      distance2[found] = near2[k];
      found += near2[k] >= 0.0f;
    }
  }
  return found;
}
