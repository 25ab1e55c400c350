// The descriptor of the quantised networks from the rows of the neighbours, what it is for forces, and the derivative
// of that: all that training needs, as the tables are not trained.
//
// T is the number of types, N that of tables of each kind: T in version 0, 1 in version 1.
#pragma once

#include <cstdint>

#include "dp/context.h"

namespace nvnmd {

constexpr int kChannels = 32, kNodes = 128, kSegments = 512;

/// Coefficients stand by power, a of all channels first.
struct Tables {
  int version = 0, ntypes = 0;
  const std::int32_t* slots = nullptr;     ///< [T] in version 0, [1] in version 1
  double scale = 0;                        ///< of the sums over neighbours
  const double* u_groups = nullptr;        ///< [1, 5], see Table
  const double* s_groups = nullptr;        ///< [2, 5]
  const double* switches = nullptr;        ///< [N, 512, 4, 2]: s and h by u
  const double* switch_slopes = nullptr;   ///< [N, 512, 4, 2]
  const double* features = nullptr;        ///< [N, 512, 4, 32]: g by s
  const double* feature_slopes = nullptr;  ///< [N, 512, 4, 32]
  const double* scales = nullptr;          ///< [T, 2], factors of s and h; null in version 0
  const double* factors = nullptr;         ///< [T, T, 32], factors of g by centre and neighbour; null in version 0
};

/// Atoms of frames with their neighbours, as prod_env_mat_a writes them. Virtual atoms, of negative type, have none.
struct Neighbors {
  std::int64_t nframes = 0;
  int nloc = 0, nall = 0;
  const double* rows = nullptr;         ///< [nframes, nloc, slots, 4]: |q|^2 and q, which alone is read
  const std::int32_t* nlist = nullptr;  ///< [nframes, nloc, slots], -1 in an empty slot
  const std::int32_t* type = nullptr;   ///< [nframes, nall]
};

/// d [nframes, nloc, 128], before it is brought to 23 fraction bits; 0 for virtual atoms.
void descriptor(const Tables& tables, const Neighbors& neighbors, double* d, const dp::Context& context);

/// What the device makes of dd [nframes, nloc, 128], the derivative of the energy by d, for the forces: drows
/// [nframes, nloc, slots, 4], the derivative by the rows; 0 in an empty slot.
void descriptor_grad(const Tables& tables, const Neighbors& neighbors, const double* dd, double* drows,
                     const dp::Context& context);

/// Derivative of descriptor_grad by dd, which it is linear in but for truncation, applied to h [nframes, nloc, slots, 4]:
/// ddd [nframes, nloc, 128], in float64 throughout.
void descriptor_grad_grad(const Tables& tables, const Neighbors& neighbors, const double* h, double* ddd,
                          const dp::Context& context);

}  // namespace nvnmd
