#include "dp/c_api.h"

#include <exception>
#include <new>
#include <string>

#include "dp/env_mat.h"
#include "dp/error.h"
#include "dp/force.h"
#include "dp/gelu.h"
#include "dp/group.h"
#include "dp/neighbor.h"
#include "dp/virial.h"

namespace {

thread_local std::string last_error;

int fail(dp_status status, const char* text) {
  try {
    last_error = text;
  } catch (...) {
    last_error.clear();  // no memory even for the text: the status alone must do
  }
  return status;
}

/// The one place where exceptions become a status. body(zero, context) runs with `zero` of the precision asked for.
template <class Body>
int guarded(const dp_options* options, const Body& body) {
  try {
    if (options->threads < 1)
      throw dp::InvalidInput("threads: expected at least 1, found " + std::to_string(options->threads));
    dp::ThreadPool pool(options->threads);
    const dp::Context context{pool, dp::find_target(options->target)};
    if (options->precision == 64)
      body(double(0), context);
    else if (options->precision == 32)
      body(float(0), context);
    else
      throw dp::InvalidInput("precision: expected 32 or 64, found " + std::to_string(options->precision));
    return DP_OK;
  } catch (const dp::InvalidInput& error) {
    return fail(DP_INVALID_INPUT, error.what());
  } catch (const std::bad_alloc&) {
    return fail(DP_NO_MEMORY, "out of memory");
  } catch (const std::exception& error) {
    return fail(DP_INTERNAL, error.what());
  } catch (...) {
    return fail(DP_INTERNAL, "unknown error");
  }
}

template <class T>
const T* in(const void* array, T) {
  return static_cast<const T*>(array);
}

template <class T>
T* out(void* array, T) {
  return static_cast<T*>(array);
}

dp::Frames frames_of(const dp_frames& f) { return {f.nframes, f.nloc, f.nall, f.ntypes}; }

dp::Components components_of(int32_t components) {
  if (components != 1 && components != 4)
    throw dp::InvalidInput("components: expected 4 or 1, found " + std::to_string(components));
  return static_cast<dp::Components>(components);
}

dp::Rows rows_of(const dp_rows& r) { return {r.nframes, r.nloc, r.nall, r.nnei, components_of(r.components)}; }
dp::Groups groups_of(const dp_groups& g) { return {g.ngroups, g.nrows, g.width}; }

}  // namespace

const char* dp_last_error() { return last_error.c_str(); }

const char* dp_target(int32_t index) {
  const auto& all = dp::targets();
  return index >= 0 && index < static_cast<int32_t>(all.size()) ? all[index]->name : nullptr;
}

int dp_neighbor_stat(const dp_options* options, const dp_frames* frames, double rcut, int32_t mixed,
                     const void* coord, const int32_t* type, const void* box, double* min_distance,
                     int64_t* min_pair, int32_t* max_neighbors, int64_t* worst) {
  return guarded(options, [&](auto zero, const dp::Context& context) {
    dp::NeighborStat stat{0, {-1, -1, -1}, max_neighbors, worst};
    dp::neighbor_stat(frames_of(*frames), rcut, mixed != 0, in(coord, zero), type, in(box, zero), stat, context);
    *min_distance = stat.min_distance;
    for (int k = 0; k < 3; ++k) min_pair[k] = stat.min_pair[k];
  });
}

int dp_env_mat(const dp_options* options, const dp_frames* frames, double rcut, double rcut_smth, int32_t components,
               const int32_t* sel, const void* coord, const int32_t* type, const void* box, const void* davg,
               const void* dstd, void* descrpt, void* deriv, void* rij, int32_t* nlist) {
  return guarded(options, [&](auto zero, const dp::Context& context) {
    const dp::Slots slots(sel, frames->ntypes);
    const dp::EnvMatInput<decltype(zero)> input{in(coord, zero), type,           in(box, zero),
                                                nullptr,         in(davg, zero), in(dstd, zero)};
    const dp::EnvMatOutput<decltype(zero)> output{out(descrpt, zero), out(deriv, zero), out(rij, zero), nlist};
    dp::env_mat(frames_of(*frames), {rcut, rcut_smth}, slots, components_of(components), input, output, context);
  });
}

int dp_force(const dp_options* options, const dp_rows* rows, const void* net_deriv, const void* deriv,
             const int32_t* nlist, void* force) {
  return guarded(options, [&](auto zero, const dp::Context& context) {
    dp::force(rows_of(*rows), in(net_deriv, zero), in(deriv, zero), nlist, out(force, zero), context);
  });
}

int dp_force_grad(const dp_options* options, const dp_rows* rows, const void* grad, const void* deriv,
                  const int32_t* nlist, void* grad_net) {
  return guarded(options, [&](auto zero, const dp::Context& context) {
    dp::force_grad(rows_of(*rows), in(grad, zero), in(deriv, zero), nlist, out(grad_net, zero), context);
  });
}

int dp_virial(const dp_options* options, const dp_rows* rows, const void* net_deriv, const void* deriv,
              const void* rij, const int32_t* nlist, void* virial, void* atom_virial) {
  return guarded(options, [&](auto zero, const dp::Context& context) {
    dp::virial(rows_of(*rows), in(net_deriv, zero), in(deriv, zero), in(rij, zero), nlist, out(virial, zero),
               out(atom_virial, zero), context);
  });
}

int dp_virial_grad(const dp_options* options, const dp_rows* rows, const void* grad_virial,
                   const void* grad_atom_virial, const void* deriv, const void* rij, const int32_t* nlist,
                   void* grad_net) {
  return guarded(options, [&](auto zero, const dp::Context& context) {
    dp::virial_grad(rows_of(*rows), in(grad_virial, zero), in(grad_atom_virial, zero), in(deriv, zero),
                    in(rij, zero), nlist, out(grad_net, zero), context);
  });
}

int dp_gelu(const dp_options* options, int64_t n, const void* x, void* y) {
  return guarded(options, [&](auto zero, const dp::Context& context) {
    dp::gelu(n, in(x, zero), out(y, zero), context);
  });
}

int dp_gelu_grad(const dp_options* options, int64_t n, const void* dy, const void* x, void* dx) {
  return guarded(options, [&](auto zero, const dp::Context& context) {
    dp::gelu_grad(n, in(dy, zero), in(x, zero), out(dx, zero), context);
  });
}

int dp_gelu_grad_grad(const dp_options* options, int64_t n, const void* dy, const void* dy2, const void* x,
                      void* result) {
  return guarded(options, [&](auto zero, const dp::Context& context) {
    dp::gelu_grad_grad(n, in(dy, zero), in(dy2, zero), in(x, zero), out(result, zero), context);
  });
}

int dp_group_outer(const dp_options* options, const dp_groups* groups, const void* env, const void* feature,
                   const int32_t* offsets, void* x) {
  return guarded(options, [&](auto zero, const dp::Context& context) {
    dp::group_outer(groups_of(*groups), in(env, zero), in(feature, zero), offsets, out(x, zero), context);
  });
}

int dp_group_spread(const dp_options* options, const dp_groups* groups, const void* env, const void* x,
                    const int32_t* offsets, void* feature) {
  return guarded(options, [&](auto zero, const dp::Context& context) {
    dp::group_spread(groups_of(*groups), in(env, zero), in(x, zero), offsets, out(feature, zero), context);
  });
}

int dp_group_dot(const dp_options* options, const dp_groups* groups, const void* feature, const void* x,
                 const int32_t* offsets, void* env) {
  return guarded(options, [&](auto zero, const dp::Context& context) {
    dp::group_dot(groups_of(*groups), in(feature, zero), in(x, zero), offsets, out(env, zero), context);
  });
}
