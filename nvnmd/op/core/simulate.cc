#include "nvnmd/simulate.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <mutex>
#include <numeric>
#include <string>
#include <vector>

#include "core/simulate_parts.h"
#include "dp/env_mat.h"
#include "dp/error.h"

namespace nvnmd {
namespace {

constexpr std::int64_t kNanosecondsPerAtom = 30000;

/// Atoms of one type that one task works off: order[begin] to order[end - 1].
struct Block {
  int type, begin, end;
};

/// Neighbours of a frame, the atoms in the order of the tasks, and what the tasks find.
struct Frame {
  Frame(const Shared& shared, int natoms)
      : rij(std::size_t(natoms) * shared.nslots * 3), nlist(std::size_t(natoms) * shared.nslots), order(natoms) {}
  std::vector<double> rij;          // [natoms, slots, 3]; forces of the pairs once a task has ended
  std::vector<std::int32_t> nlist;  // [natoms, slots]
  std::vector<int> order;
  std::vector<Block> blocks;
  std::vector<double> virial;  // [blocks, 9]
};

void search(const Model& model, const Shared& shared, int natoms, const double* coord, const std::int32_t* type, const double* box,
            Frame& frame, const dp::Context& context) {
  std::vector<std::int32_t> sorted_by(type, type + natoms);
  for (int i = 0; i < natoms; ++i) {
    if (type[i] >= model.ntypes)
      throw dp::InvalidInput("type of atom " + std::to_string(i) + ": expected less than " +
                             std::to_string(model.ntypes) + ", found " + std::to_string(type[i]));
    if (model.version == 1) sorted_by[i] = std::min(type[i], 0);
  }
  dp::EnvMatInput<double> in;
  in.coord = coord;
  in.type = sorted_by.data();
  in.box = box;
  dp::EnvMatOutput<double> out;
  out.rij = frame.rij.data();
  out.nlist = frame.nlist.data();
  dp::env_mat({1, natoms, natoms, shared.blocks}, {model.rcut, model.rcut}, dp::Slots(model.slots, shared.blocks),
              dp::Components::full, in, out, context);
}

/// Blocks of atoms of one type each; virtual atoms are in none.
void divide(const Model& model, const std::int32_t* type, Frame& frame) {
  std::iota(frame.order.begin(), frame.order.end(), 0);
  std::stable_sort(frame.order.begin(), frame.order.end(), [&](int i, int j) { return type[i] < type[j]; });
  frame.blocks.clear();
  const int natoms = static_cast<int>(frame.order.size());
  for (int begin = 0; begin < natoms;) {
    const int t = type[frame.order[begin]];
    int end = begin + 1;
    while (end < natoms && end < begin + kBlock && type[frame.order[end]] == t) ++end;
    if (t >= 0 && t < model.ntypes) frame.blocks.push_back({t, begin, end});
    begin = end;
  }
  frame.virial.assign(9 * frame.blocks.size(), 0.0);
}

void run_block(const Model& model, const Shared& shared, const Block& block, const std::int32_t* type, Frame& frame, Workspace& work,
               Record& record, const dp::Target& target, double* virial, double* atom_energy) {
  const int n = block.end - block.begin, slots = shared.nslots;
  for (int k = 0; k < n; ++k) {
    const std::int64_t i = frame.order[block.begin + k];
    double* d = work.x + k * kNodes;
    const Around around{&frame.rij[i * slots * 3], 3, &frame.nlist[i * slots], type};
    descriptor(shared, block.type, around, work, work.atoms[k], record, d);
    for (int c = 0; c < kNodes; ++c) d[c] = std::floor(d[c] * 0x1p23);
  }
  double energy[kBlock];
  fitting(model, block.type, n, work, record, target, energy);
  for (int k = 0; k < n; ++k) {
    const std::int64_t i = frame.order[block.begin + k];
    atom_energy[i] = energy[k];
    double* d = work.x + k * kNodes;
    for (int c = 0; c < kNodes; ++c) d[c] *= 0x1p-23;
    forces(shared, block.type, d, work, work.atoms[k], record, &frame.rij[i * slots * 3], virial);
  }
}

/// Forces on the atoms [natoms, 3] from those of the pairs, and the sum of the virials [9].
void sum_up(const Frame& frame, int natoms, int slots, double* force, double* virial) {
  std::fill_n(force, 3 * natoms, 0.0);
  for (std::int64_t i = 0; i < natoms; ++i)
    for (std::int64_t k = i * slots; k < (i + 1) * slots; ++k) {
      const std::int64_t j = frame.nlist[k];
      for (int d = 0; d < 3 && j >= 0; ++d) {
        force[3 * i + d] -= frame.rij[3 * k + d];
        force[3 * j + d] += frame.rij[3 * k + d];
      }
    }
  std::fill_n(virial, 9, 0.0);
  for (std::size_t k = 0; k < frame.virial.size(); ++k) virial[k % 9] += frame.virial[k];
}

}  // namespace

void simulate(const Model& model, std::int64_t nframes, int natoms, const double* coord, const std::int32_t* type,
              const double* box, double* atom_energy, double* force, double* virial, Registers& registers,
              const dp::Context& context) {
  const Shared shared(model, registers);
  Workspaces workspaces(shared);
  Frame frame(shared, natoms);
  std::mutex mutex;
  for (std::int64_t f = 0; f < nframes; ++f) {
    const std::int32_t* types = type + f * natoms;
    double* energies = atom_energy + f * natoms;
    search(model, shared, natoms, coord + f * 3 * natoms, types, box == nullptr ? nullptr : box + 9 * f, frame, context);
    divide(model, types, frame);
    std::fill_n(energies, natoms, 0.0);
    const auto count = static_cast<std::int64_t>(frame.blocks.size());
    dp::parallel_for(context.pool, count, kBlock * kNanosecondsPerAtom, [&](std::int64_t b) {
      auto work = workspaces.take();
      Record record(registers);
      run_block(model, shared, frame.blocks[b], types, frame, *work, record, context.target,
                &frame.virial[9 * b], energies);
      workspaces.give_back(std::move(work));
      const std::lock_guard<std::mutex> lock(mutex);
      record.add_to(registers);
    });
    sum_up(frame, natoms, shared.nslots, force + f * 3 * natoms, virial + 9 * f);
    Record record(registers);
    record.settle(kForce, 3 * natoms, force + f * 3 * natoms);
    record.settle(kVirial, 9, virial + 9 * f);
    record.add_to(registers);
  }
}

}  // namespace nvnmd
