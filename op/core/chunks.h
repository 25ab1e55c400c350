// How the rows of force and virial are divided into tasks, and what the tasks check.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include "dp/error.h"
#include "dp/types.h"

namespace dp {

// Nanoseconds of one row of force or virial, per slot.
constexpr std::int64_t kNanosecondsPerSlot = 8;

/// The rows of each frame in equal chunks. Their number depends on the sizes alone, never on the threads.
struct Chunks {
  explicit Chunks(const Rows& rows) : nloc(rows.nloc) {
    constexpr int kFewestRows = 32, kMostChunks = 16;  // a chunk has a force array of its own to be summed
    length = std::max({1, kFewestRows, (rows.nloc + kMostChunks - 1) / kMostChunks});
    per_frame = (rows.nloc + length - 1) / length;
    count = rows.nframes * per_frame;
  }
  std::int64_t frame(std::int64_t chunk) const { return chunk / per_frame; }
  int begin(std::int64_t chunk) const { return static_cast<int>(chunk % per_frame) * length; }
  int end(std::int64_t chunk) const { return std::min(begin(chunk) + length, nloc); }
  std::int64_t cost(const Rows& rows) const { return std::int64_t(length) * rows.nnei * kNanosecondsPerSlot; }

  int nloc, length;
  std::int64_t per_frame, count;
};

/// Throws InvalidInput unless the neighbours of a stretch of rows lie below `limit`.
inline void check_neighbors(const std::int32_t* nlist, std::int64_t n, std::int32_t limit) {
  std::int32_t largest = -1;
  for (std::int64_t k = 0; k < n; ++k) largest = nlist[k] > largest ? nlist[k] : largest;
  if (largest >= limit)
    throw InvalidInput("nlist: expected atoms below " + std::to_string(limit) + ", found " + std::to_string(largest));
}

/// Add the partial arrays [chunks of a frame, width] of each frame in order: out [nframes, width].
template <class T>
void sum_chunks(std::int64_t nframes, std::int64_t per_frame, std::int64_t width, const T* partial, T* out) {
  std::fill_n(out, nframes * width, T(0));
  for (std::int64_t f = 0; f < nframes; ++f)
    for (std::int64_t c = 0; c < per_frame; ++c)
      for (std::int64_t k = 0; k < width; ++k) out[f * width + k] += partial[(f * per_frame + c) * width + k];
}

inline void check_rows(const Rows& rows) {
  if (rows.nframes < 0 || rows.nloc < 0 || rows.nnei < 0 || rows.nall < rows.nloc)
    throw InvalidInput("atoms: expected 0 <= local <= all, found " + std::to_string(rows.nloc) + " local of " +
                       std::to_string(rows.nall));
}

}  // namespace dp
