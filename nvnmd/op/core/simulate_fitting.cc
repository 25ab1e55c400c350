// The fitting net in whole numbers of 2^-23, held in float64.
#include <algorithm>
#include <cmath>
#include <string>

#include "core/simulate_parts.h"
#include "dp/error.h"
#include "dp/gemm.h"
#include "nvnmd/bits.h"

namespace nvnmd {
namespace {

constexpr double kUnit = 0x1p-23;
constexpr double kExactData = 0x1p29;  // 128 products with weights of 18 bits stay below 2^53
constexpr double kLargestData = 0x1p33;

/// y = floor(y * unit), column by column.
NVNMD_CLONES void scale_down(int rows, int columns, const double* unit, double* y) {
  for (int i = 0; i < rows; ++i)
    for (int c = 0; c < columns; ++c) y[i * columns + c] = std::floor(y[i * columns + c] * unit[c]);
}

/// floor(unit times the sum of x w) in integers, where float64 has not enough bits; the columns of w are `stride` long.
double sum_of_integers(const double* x, const double* w, int stride, double unit) {
  std::int64_t total = 0;
  for (int j = 0; j < kNodes; ++j)
    total += static_cast<std::int64_t>(x[j]) * static_cast<std::int64_t>(w[j * stride]);
  // The unit is 2^-9 at most: what remains after the division is exact again.
  const auto divisor = static_cast<std::int64_t>(1 / unit);
  return static_cast<double>(total / divisor - (total % divisor < 0));
}

/// y [rows, 128] = floor(x w * unit) for x up to `largest`.
void multiply(int rows, double largest, const double* x, const double* w, const double* unit, double* y,
              const dp::Target& target) {
  if (largest > kExactData) {
    for (int i = 0; i < rows; ++i)
      for (int c = 0; c < kNodes; ++c) y[i * kNodes + c] = sum_of_integers(x + i * kNodes, w + c, kNodes, unit[c]);
    return;
  }
  dp::ThreadPool here(1);
  dp::Product<double> product;
  product.m = rows, product.n = product.k = kNodes;
  product.a = x, product.b = w, product.c = y;
  product.lda = product.ldb = product.ldc = kNodes;
  dp::gemm(product, {here, target});
  scale_down(rows, kNodes, unit, y);
}

double checked(double largest, const char* what) {
  if (largest <= kLargestData) return largest;
  throw dp::InvalidInput("fitting net: expected " + std::string(what) + " up to " +
                         std::to_string(static_cast<int>(kLargestData * kUnit)) + ", found " +
                         std::to_string(largest * kUnit) + ": atoms are too near to each other, or the model is broken");
}

NVNMD_CLONES void add_bias(int rows, const double* y, const double* bias, double* z) {
  for (int i = 0; i < rows; ++i)
    for (int c = 0; c < kNodes; ++c) z[i * kNodes + c] = y[i * kNodes + c] + bias[c];
}

NVNMD_CLONES void tanh4_whole(int n, const double* z, double* y) {
  for (int i = 0; i < n; ++i) {
    const double size = std::abs(z[i]), high = size > 0x1p24 ? 0x1p24 : size, low = std::floor(high * 0x1p-4);
    const double square = std::floor(high * low * 0x1p-19);
    y[i] = std::copysign(std::floor(square * (square - 4 * high) * 0x1p-27) + high, z[i]);
  }
}

NVNMD_CLONES void add_row(int n, const double* y, double* x) {
  for (int i = 0; i < n; ++i) x[i] += y[i];
}

/// dz = the derivative of tanh4 times dx, with 21 fraction bits (the nearest, half away from zero).
NVNMD_CLONES void tanh4_slope(int n, const double* z, const double* dx, double* dz) {
  for (int i = 0; i < n; ++i) {
    const double size = std::abs(z[i]), high = size > 0x1p24 ? 0x1p24 : size, low = std::floor(high * 0x1p-4);
    const double square = std::floor(high * low * 0x1p-23);  // 19 fraction bits
    const double slope = std::floor(square * (high - 0x1.8p24) * 0x1p-25) + 0x1p19;
    const double g = std::floor(slope * dx[i] * 0x1p-19);
    dz[i] = std::copysign(std::floor(std::abs(g) * 0x1p-2 + 0.5) * 4, g);
  }
}

}  // namespace

void fitting(const Model& model, int centre, int n, Workspace& work, Record& record, const dp::Target& target,
             double* energy) {
  const int net = model.version == 0 ? centre : 0, size = n * kNodes;
  double *x = work.x, *y = work.y;
  double largest = record.settle(kX, size, x, kUnit);
  for (int layer = 0; layer < kHidden; ++layer) {
    const std::int64_t matrix = (std::int64_t(net) * kHidden + layer) * kNodes;
    double* z = work.z[layer];
    multiply(n, checked(largest, "data"), x, model.forward + matrix * kNodes, model.forward_unit + matrix, y,
             target);
    add_bias(n, y, model.biases + (std::int64_t(centre) * kHidden + layer) * kNodes, z);
    record.settle(kZ, size, z, kUnit);
    tanh4_whole(size, z, y);
    record.settle(kY, size, y, kUnit);
    if (layer == 0)
      std::copy_n(y, size, x);
    else
      add_row(size, y, x);
    largest = record.settle(kX, size, x, kUnit);
  }
  checked(largest, "data");
  const double *last = model.last + net * kNodes, unit = model.last_unit[net];
  for (int i = 0; i < n; ++i) {
    const double whole = sum_of_integers(x + i * kNodes, last, 1, unit) + model.last_bias[net];
    energy[i] = whole * kUnit + model.shifts[centre];
  }
  record.settle(kEnergy, n, energy);

  for (int i = 0; i < n; ++i)
    for (int j = 0; j < kNodes; ++j) x[i * kNodes + j] = std::floor(0x1p23 * last[j] * unit);
  largest = record.settle(kDx, size, x, kUnit);
  for (int layer = kHidden; layer-- > 0;) {
    const std::int64_t matrix = (std::int64_t(net) * kHidden + layer) * kNodes;
    double* dz = work.z[layer];
    tanh4_slope(size, dz, x, dz);
    multiply(n, checked(largest, "derivatives"), dz, model.backward + matrix * kNodes, model.backward_unit + matrix,
             y, target);
    if (layer == 0)
      std::copy_n(y, size, x);
    else
      add_row(size, y, x);
    largest = record.settle(kDx, size, x, kUnit);
  }
}

}  // namespace nvnmd
