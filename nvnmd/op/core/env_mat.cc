#include "nvnmd/env_mat.h"

#include <vector>

#include "core/blocks.h"
#include "nvnmd/bits.h"
#include "nvnmd/elementwise.h"

namespace nvnmd {
namespace {

constexpr std::int64_t kBlock = 1024;  // slots of a task

void write_row(const double* rij, double* descrpt, double* deriv) {
  const double q[] = {truncated(rij[0]), truncated(rij[1]), truncated(rij[2])};
  std::fill(deriv, deriv + 12, 0.0);
  for (int k = 0; k < 3; ++k) {
    descrpt[1 + k] = q[k];
    deriv[k] = -2 * q[k];
    deriv[3 * (1 + k) + k] = -1;
  }
}

}  // namespace

void env_mat(std::int64_t n, const double* rij, const std::int32_t* nlist, double* descrpt, double* deriv,
             dp::Pool& pool) {
  std::vector<double> squares(n);
  dotmul({n, 3, false}, rij, rij, squares.data(), pool);
  in_blocks(pool, n, kBlock, 8, [&](std::int64_t i, std::int64_t end) {
    for (; i < end; ++i) {
      if (nlist[i] < 0) {
        std::fill(descrpt + 4 * i, descrpt + 4 * i + 4, 0.0);
        std::fill(deriv + 12 * i, deriv + 12 * i + 12, 0.0);
      } else {
        descrpt[4 * i] = squares[i];
        write_row(rij + 3 * i, descrpt + 4 * i, deriv + 12 * i);
      }
    }
  });
}

}  // namespace nvnmd
