/* C interface of the core, for programs without TensorFlow. Nothing is thrown out of it and all of it may be called
 * from several threads at once. Every function returns DP_OK or a status whose text dp_last_error() gives.
 *
 * Arrays that are `void` hold float or double as `options->precision` says; their shapes are those of the C++ headers
 * named with each function, dense and in C order. */
#ifndef DP_C_API_H
#define DP_C_API_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum dp_status {
  DP_OK = 0,
  DP_INVALID_INPUT = 1, /* the arguments cannot be worked with */
  DP_NO_MEMORY = 2,
  DP_INTERNAL = 3 /* a defect of the library */
};

struct dp_options {
  int32_t precision;  /* 32 or 64: the bits of the floating point arrays */
  int32_t threads;    /* at least 1 */
  const char* target; /* SIMD target, null for the best one; see dp_target */
};

struct dp_frames {
  int64_t nframes;
  int32_t nloc, nall, ntypes;
};

struct dp_rows {
  int64_t nframes;
  int32_t nloc, nall, nnei;
  int32_t components; /* of a slot: 4, or 1 for s(r) alone */
};

struct dp_groups {
  int64_t ngroups, nrows, width;
};

/* Text of the last error of the calling thread; valid until its next call. */
const char* dp_last_error(void);

/* Name of the index-th SIMD target that this processor can run, slowest first; null beyond the last. */
const char* dp_target(int32_t index);

/* dp/neighbor.h. box may be null. max_neighbors [ntypes] ([1] when mixed) and worst [ntypes or 1, 2], out. */
int dp_neighbor_stat(const struct dp_options* options, const struct dp_frames* frames, double rcut, int32_t mixed,
                     const void* coord, const int32_t* type, const void* box, double* min_distance,
                     int64_t* min_pair, int32_t* max_neighbors, int64_t* worst);

/* dp/env_mat.h, searching the neighbours. components 4 or 1, sel [ntypes]; box, davg, dstd and each output may be null. */
int dp_env_mat(const struct dp_options* options, const struct dp_frames* frames, double rcut, double rcut_smth,
               int32_t components, const int32_t* sel, const void* coord, const int32_t* type, const void* box,
               const void* davg, const void* dstd, void* descrpt, void* deriv, void* rij, int32_t* nlist);

/* dp/force.h */
int dp_force(const struct dp_options* options, const struct dp_rows* rows, const void* net_deriv, const void* deriv,
             const int32_t* nlist, void* force);
int dp_force_grad(const struct dp_options* options, const struct dp_rows* rows, const void* grad, const void* deriv,
                  const int32_t* nlist, void* grad_net);

/* dp/virial.h. atom_virial and grad_atom_virial may be null. */
int dp_virial(const struct dp_options* options, const struct dp_rows* rows, const void* net_deriv, const void* deriv,
              const void* rij, const int32_t* nlist, void* virial, void* atom_virial);
int dp_virial_grad(const struct dp_options* options, const struct dp_rows* rows, const void* grad_virial,
                   const void* grad_atom_virial, const void* deriv, const void* rij, const int32_t* nlist,
                   void* grad_net);

/* dp/gelu.h: arrays of n elements. */
int dp_gelu(const struct dp_options* options, int64_t n, const void* x, void* y);
int dp_gelu_grad(const struct dp_options* options, int64_t n, const void* dy, const void* x, void* dx);
int dp_gelu_grad_grad(const struct dp_options* options, int64_t n, const void* dy, const void* dy2, const void* x,
                      void* out);

/* dp/group.h */
int dp_group_outer(const struct dp_options* options, const struct dp_groups* groups, const void* env,
                   const void* feature, const int32_t* offsets, void* x);
int dp_group_spread(const struct dp_options* options, const struct dp_groups* groups, const void* env, const void* x,
                    const int32_t* offsets, void* feature);
int dp_group_dot(const struct dp_options* options, const struct dp_groups* groups, const void* feature, const void* x,
                 const int32_t* offsets, void* env);

#ifdef __cplusplus
}
#endif

#endif
