// The whole datapath of the device for frames of atoms, with the weights and tables of a model file.
//
// T is the number of types, N that of fitting nets and of tables of each kind: T in version 0, 1 in version 1.
#pragma once

#include <cstdint>

#include "nvnmd/descriptor.h"

namespace nvnmd {

constexpr int kHidden = 3;

/// The places that numbers pass through, in the order of nvnmd/simulate/registers.py.
enum Register {
  kU, kS, kH, kR, kG, kProduct, kSum, kGr, kDescriptor, kX, kZ, kY, kEnergy, kDx, kDDescriptor, kDGr, kDR, kDg, kDs,
  kDh, kDu, kDq, kPair, kForce, kVirial, kRegisters
};

/// Numbers of a model. Weights are whole numbers, to be multiplied by the factor of their column; biases are whole numbers
/// of 2^-23.
struct Model : Tables {
  double rcut = 0;                         ///< Å
  const double* shifts = nullptr;          ///< [T] energies, eV
  const double* forward = nullptr;         ///< [N, 3, 128, 128], inputs by outputs
  const double* forward_unit = nullptr;    ///< [N, 3, 128]
  const double* backward = nullptr;        ///< [N, 3, 128, 128], outputs by inputs
  const double* backward_unit = nullptr;   ///< [N, 3, 128]
  const double* last = nullptr;            ///< [N, 128]
  const double* last_unit = nullptr;       ///< [N]
  const double* biases = nullptr;          ///< [T, 3, 128], with what the type adds
  const double* last_bias = nullptr;       ///< [N]
};

/// What the registers hold and what passed through them.
struct Registers {
  bool saturate = false;           ///< whether numbers that do not fit become the nearest that does
  const double* limits = nullptr;  ///< [kRegisters, 2], in: largest magnitude, smallest above 0
  double* largest = nullptr;       ///< [kRegisters], in and out: largest magnitude seen
  std::int64_t* over = nullptr;    ///< [kRegisters], in and out: how many were too large
  std::int64_t* under = nullptr;   ///< [kRegisters], in and out: how many were too small, but not 0
};

/// coord [nframes, natoms * 3], type [nframes, natoms], box [nframes, 9] or null for open boundaries, in.
/// atom_energy [nframes, natoms], force [nframes, natoms, 3], virial [nframes, 9], out.
///
/// Energies have all their bits; forces and virials are sums of exact terms in an order that depends on the frame
/// alone. Throws dp::InvalidInput for atoms as dp::env_mat does, for sizes that do not fit, and where data of the
/// fitting net are too large for exact sums, 128 times the range of their register.
void simulate(const Model& model, std::int64_t nframes, int natoms, const double* coord, const std::int32_t* type,
              const double* box, double* atom_energy, double* force, double* virial, Registers& registers,
              const dp::Context& context);

}  // namespace nvnmd
