// The environment matrix of the quantised networks: no switching function, no mean and scale, truncated components.
#pragma once

#include <cstdint>

#include "dp/parallel.h"

namespace nvnmd {

/// n neighbour slots; a negative entry of nlist marks an empty one, whose rows are 0. With q the `flt` of rij:
///
/// rij      [n, 3], in: neighbour minus centre
/// nlist    [n], in
/// descrpt  [n, 4], out: dotmul(q, q), q
/// deriv    [n, 4, 3], out: derivative of |q|^2 and q by the position of the centre
void env_mat(std::int64_t n, const double* rij, const std::int32_t* nlist, double* descrpt, double* deriv,
             dp::Pool& pool);

}  // namespace nvnmd
