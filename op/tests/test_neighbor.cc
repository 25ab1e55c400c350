// Neighbour statistics against a loop over images, and the neighbour list of a caller.
#include "dp/neighbor.h"

#include <limits>

#include "check.h"
#include "dp/c_api.h"
#include "system.h"

namespace {

template <class T>
void statistics(const System<T>& system, int images, double tolerance) {
  const double rcut = 3.0;
  const int ntypes = system.frames.ntypes, natoms = system.frames.nall;
  double nearest = std::numeric_limits<double>::infinity();
  std::vector<std::int32_t> most(ntypes), found_most(ntypes);
  std::vector<std::int64_t> worst(2 * ntypes);
  for (std::int64_t f = 0; f < system.frames.nframes; ++f)
    for (int i = 0; i < natoms; ++i) {
      const auto neighbors = distances(system, f, i, rcut, images);
      for (int t = 0; t < ntypes; ++t) {
        most[t] = std::max(most[t], static_cast<std::int32_t>(neighbors[t].size()));
        if (!neighbors[t].empty()) nearest = std::min(nearest, neighbors[t][0]);
      }
    }
  dp::ThreadPool pool(3);
  for (const dp::Target* target : dp::targets()) {
    dp::NeighborStat stat{0, {0, 0, 0}, found_most.data(), worst.data()};
    dp::neighbor_stat<T>(system.frames, rcut, false, system.coord.data(), system.type.data(),
                         system.periodic ? system.box.data() : nullptr, stat, {pool, *target});
    CHECK(found_most == most);
    if (std::isfinite(nearest)) CHECK_NEAR(stat.min_distance, nearest, tolerance);
    for (int t = 0; t < ntypes; ++t)
      if (most[t] > 0) {
        const auto there = distances(system, worst[2 * t], static_cast<int>(worst[2 * t + 1]), rcut, images);
        CHECK(static_cast<int>(there[t].size()) == most[t]);
      }
  }
}

/// A caller's list with rows in any order gives what the search gives.
void callers_list() {
  const System<double> system(1, 30, 2, 5.0, false);
  const std::int32_t sel[] = {40, 40};
  const dp::Slots slots(sel, 2);
  const dp::Cutoff cutoff{3.0, 1.0};
  dp::ThreadPool pool(2);
  const dp::Context context{pool, dp::find_target()};
  const EnvMat<double> searched(system, slots, cutoff, context);
  std::vector<std::vector<std::int32_t>> everyone(30);
  std::vector<std::int32_t> centre, count;
  std::vector<const std::int32_t*> rows;
  for (int i = 29; i >= 0; --i) {
    for (int j = 29; j >= 0; --j)
      if (j != i && system.type[i] >= 0) everyone[i].push_back(j);
    centre.push_back(i);
    count.push_back(static_cast<std::int32_t>(everyone[i].size()));
    rows.push_back(everyone[i].data());
  }
  dp::NeighborList list{30, centre.data(), count.data(), rows.data()};
  EnvMat<double> listed(system, slots, cutoff, context);
  listed.descrpt.assign(listed.descrpt.size(), -7);
  dp::EnvMatInput<double> in = system.input();
  in.list = &list;
  dp::env_mat<double>(system.frames, cutoff, slots, dp::Components::full, in,
                      {listed.descrpt.data(), listed.deriv.data(), listed.rij.data(), listed.nlist.data()}, context);
  CHECK(listed.nlist == searched.nlist);
  CHECK(listed.descrpt == searched.descrpt);
  centre[3] = 0;
  CHECK_THROWS((dp::env_mat<double>(system.frames, cutoff, slots, dp::Components::full, in, {}, context)),
               "row 29: expected centres 0 to 29, each once, found 0");
  list.nrows = 29;
  CHECK_THROWS((dp::env_mat<double>(system.frames, cutoff, slots, dp::Components::full, in, {}, context)),
               "expected 30 rows, found 29");
}

/// Errors come out of the C interface as a status and a text, not as an exception.
void c_interface() {
  const dp_options good{64, 1, nullptr}, bad{16, 1, nullptr};
  const dp_frames frames{1, 1, 1, 1};
  const double coord[3] = {0, 0, 0};
  const std::int32_t type[1] = {0};
  double distance;
  std::int64_t pair[3], worst[2];
  std::int32_t most[1];
  CHECK(dp_neighbor_stat(&good, &frames, 2.0, 0, coord, type, nullptr, &distance, pair, most, worst) == DP_OK);
  CHECK(std::isinf(distance));
  CHECK(pair[0] == -1 && most[0] == 0 && worst[0] == -1);
  CHECK(dp_neighbor_stat(&bad, &frames, 2.0, 0, coord, type, nullptr, &distance, pair, most, worst) ==
        DP_INVALID_INPUT);
  CHECK(std::string(dp_last_error()) == "precision: expected 32 or 64, found 16");
  CHECK(std::string(dp_target(0)) == "baseline");
  CHECK(dp_target(-1) == nullptr && dp_target(99) == nullptr);
}

}  // namespace

TEST_MAIN(
    for (double size : {1.5, 4.0, 9.0})
      for (bool periodic : {true, false}) {
        statistics(System<double>(3, 9, 2, size, periodic), 7, 1e-9);
        statistics(System<float>(3, 9, 2, size, periodic), 7, 1e-4);
      }
    statistics(System<double>(2, 4, 1, 3000.0, false), 0, 1e-9);
    callers_list();
    c_interface())
