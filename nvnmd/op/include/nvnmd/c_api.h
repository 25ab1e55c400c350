/* C interface of the core of the quantised networks, in the manner of dp/c_api.h: nothing is thrown out of it, and every
 * function returns a status of dp_status whose text nvnmd_last_error() gives. */
#ifndef NVNMD_C_API_H
#define NVNMD_C_API_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* nvnmd::Model, see nvnmd/simulate.h; the types of version 1 may be null in version 0. */
struct nvnmd_model {
  int32_t version, ntypes;
  double rcut, scale;
  const int32_t* slots;
  const double *u_groups, *s_groups, *switches, *switch_slopes, *features, *feature_slopes, *scales, *factors, *shifts;
  const double *forward, *forward_unit, *backward, *backward_unit, *last, *last_unit, *biases, *last_bias;
};

/* nvnmd::Registers. */
struct nvnmd_registers {
  int32_t saturate;
  const double* limits;
  double* largest;
  int64_t *over, *under;
};

/* Text of the last error of the calling thread; valid until its next call. */
const char* nvnmd_last_error(void);

/* Number of registers: what the arrays of nvnmd_registers must have room for. */
int32_t nvnmd_register_count(void);

/* nvnmd/simulate.h. threads is at least 1; box may be null. */
int nvnmd_simulate(const struct nvnmd_model* model, int32_t threads, int64_t nframes, int32_t natoms,
                   const double* coord, const int32_t* type, const double* box, double* atom_energy, double* force,
                   double* virial, struct nvnmd_registers* registers);

#ifdef __cplusplus
}
#endif

#endif
