// What both directions of the fitting share: the rows of a type in blocks.
#pragma once

#include <cstdint>
#include <vector>

#include "core/scratch.h"
#include "dp/fitting.h"

namespace dp {

/// A stretch of the rows of one type, counted over all frames.
struct RowBlock {
  int type;
  std::int64_t begin, size;
};

/// The rows of all types, type after type, and their blocks.
struct SortedRows {
  explicit SortedRows(const TypedRows& rows);

  /// Place of a row of a type among the rows of the caller.
  std::int64_t place(int type, std::int64_t row) const {
    return row / counts[type] * nloc + start[type] + row % counts[type];
  }
  std::int64_t size(int type) const { return nframes * counts[type]; }
  std::int64_t total() const { return nframes * nloc; }
  /// Place of the first row of a type where the rows are sorted by type over all frames.
  std::int64_t first(int type) const { return nframes * start[type]; }

  /// Pointers to the rows of a block of the caller's array [n, width].
  template <class T>
  std::vector<T*> rows_of(const RowBlock& block, T* array, std::int64_t width) const {
    std::vector<T*> pointers(block.size);
    for (std::int64_t i = 0; i < block.size; ++i)
      pointers[i] = array + place(block.type, block.begin + i) * width;
    return pointers;
  }

  std::int64_t nframes, nloc;
  std::vector<std::int64_t> counts, start;
  std::vector<RowBlock> blocks;
};

/// Throws InvalidInput unless net, rows and weights fit each other.
void check_fitting(const FittingNet& net, const TypedRows& rows, std::size_t layers);

}  // namespace dp
