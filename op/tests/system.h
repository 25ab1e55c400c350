// Random systems and obvious reference loops for the tests.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <random>
#include <tuple>
#include <vector>

#include "dp/env_mat.h"

/// One batch of frames with types in blocks of random length and some virtual atoms.
template <class T>
struct System {
  System(std::int64_t nframes, int natoms, int ntypes, double size, bool periodic, unsigned seed = 1)
      : frames{nframes, natoms, natoms, ntypes}, periodic(periodic) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<double> position(-0.5 * size, 1.5 * size);
    std::uniform_int_distribution<int> kind(natoms > 4 ? -1 : 0, ntypes - 1);
    for (std::int64_t k = 0; k < nframes * natoms * 3; ++k) coord.push_back(static_cast<T>(position(random)));
    for (std::int64_t k = 0; k < nframes * natoms; ++k) type.push_back(kind(random));
    for (std::int64_t f = 0; f < nframes; ++f) {
      const double h[9] = {size, 0, 0, 0.3 * size, size, 0, -0.2 * size, 0.1 * size, 0.9 * size};
      for (double value : h) box.push_back(static_cast<T>(value));
    }
  }
  dp::EnvMatInput<T> input() const {
    dp::EnvMatInput<T> in;
    in.coord = coord.data();
    in.type = type.data();
    in.box = periodic ? box.data() : nullptr;
    return in;
  }
  dp::Frames frames;
  bool periodic;
  std::vector<T> coord, box;
  std::vector<std::int32_t> type;
};

/// Outputs of env_mat with room for them.
template <class T>
struct EnvMat {
  EnvMat(const System<T>& system, const dp::Slots& slots, const dp::Cutoff& cutoff, const dp::Context& context,
         dp::Components components = dp::Components::full) {
    const std::size_t n = system.frames.nframes * system.frames.nloc * slots.total();
    descrpt.resize(width(components) * n), deriv.resize(3 * descrpt.size()), rij.resize(3 * n), nlist.resize(n);
    dp::env_mat<T>(system.frames, cutoff, slots, components, system.input(),
                   {descrpt.data(), deriv.data(), rij.data(), nlist.data()}, context);
  }
  std::vector<T> descrpt, deriv, rij;
  std::vector<std::int32_t> nlist;
};

/// Distances of all neighbours of atom i by type, over a fixed number of images in each direction.
template <class T>
std::vector<std::vector<double>> distances(const System<T>& system, std::int64_t f, int i, double rcut, int images) {
  const int n = system.frames.nall;
  const T* coord = system.coord.data() + f * 3 * n;
  const T* box = system.box.data() + 9 * f;
  const std::int32_t* type = system.type.data() + f * n;
  std::vector<std::vector<double>> found(system.frames.ntypes);
  if (!system.periodic) images = 0;
  for (int j = 0; j < n; ++j)
    for (int a = -images; a <= images; ++a)
      for (int b = -images; b <= images; ++b)
        for (int c = -images; c <= images; ++c) {
          if (type[j] < 0 || type[i] < 0 || (j == i && a == 0 && b == 0 && c == 0)) continue;
          double d2 = 0;
          for (int d = 0; d < 3; ++d) {
            const double r = double(coord[3 * j + d]) - coord[3 * i + d] + a * double(box[d]) + b * double(box[3 + d]) +
                             c * double(box[6 + d]);
            d2 += r * r;
          }
          if (d2 < rcut * rcut) found[type[j]].push_back(std::sqrt(d2));
        }
  for (auto& list : found) std::sort(list.begin(), list.end());
  return found;
}
