#include "nvnmd/c_api.h"

#include <exception>
#include <new>
#include <string>

#include "dp/c_api.h"
#include "dp/error.h"
#include "nvnmd/simulate.h"

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

nvnmd::Model model_of(const nvnmd_model& m) {
  nvnmd::Model model;
  model.version = m.version;
  model.ntypes = m.ntypes;
  model.slots = m.slots;
  model.rcut = m.rcut;
  model.scale = m.scale;
  model.u_groups = m.u_groups;
  model.s_groups = m.s_groups;
  model.switches = m.switches;
  model.switch_slopes = m.switch_slopes;
  model.features = m.features;
  model.feature_slopes = m.feature_slopes;
  model.scales = m.scales;
  model.factors = m.factors;
  model.shifts = m.shifts;
  model.forward = m.forward;
  model.forward_unit = m.forward_unit;
  model.backward = m.backward;
  model.backward_unit = m.backward_unit;
  model.last = m.last;
  model.last_unit = m.last_unit;
  model.biases = m.biases;
  model.last_bias = m.last_bias;
  return model;
}

}  // namespace

const char* nvnmd_last_error() { return last_error.c_str(); }

int32_t nvnmd_register_count() { return nvnmd::kRegisters; }

int nvnmd_simulate(const nvnmd_model* model, int32_t threads, int64_t nframes, int32_t natoms, const double* coord,
                   const int32_t* type, const double* box, double* atom_energy, double* force, double* virial,
                   nvnmd_registers* registers) {
  try {
    if (threads < 1) throw dp::InvalidInput("threads: expected at least 1, found " + std::to_string(threads));
    dp::ThreadPool pool(threads);
    nvnmd::Registers seen{registers->saturate != 0, registers->limits, registers->largest, registers->over,
                          registers->under};
    nvnmd::simulate(model_of(*model), nframes, natoms, coord, type, box, atom_energy, force, virial, seen,
                    {pool, dp::find_target()});
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
