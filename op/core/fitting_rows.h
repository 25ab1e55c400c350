// What both directions of the fitting share: the rows of a type in blocks, and arrays that are not filled first.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "dp/fitting.h"

namespace dp {

/// An array whose values are not set, on a cache line of its own.
template <class T>
class Scratch {
 public:
  explicit Scratch(std::int64_t size)
      : data_(static_cast<T*>(::operator new(static_cast<std::size_t>(size) * sizeof(T), kLine))) {}
  T* data() const { return data_.get(); }
  T* at(std::int64_t offset) const { return data_.get() + offset; }

 private:
  static constexpr std::align_val_t kLine{64};
  struct Free {
    void operator()(T* data) const { ::operator delete(data, kLine); }
  };
  std::unique_ptr<T[], Free> data_;
};

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

/// Pointers to rows of an array of our own.
template <class T>
std::vector<T*> row_pointers(T* array, std::int64_t count, std::int64_t width) {
  std::vector<T*> pointers(count);
  for (std::int64_t i = 0; i < count; ++i) pointers[i] = array + i * width;
  return pointers;
}

/// out [columns, ...], rows ldo apart, from [rows, columns].
template <class T>
void transpose(std::int64_t rows, std::int64_t columns, const T* from, T* __restrict__ out, std::int64_t ldo) {
  constexpr std::int64_t kRows = 8;  // as many as a cache line of `out` takes
  for (std::int64_t i = 0; i < rows; i += kRows) {
    const std::int64_t n = rows - i < kRows ? rows - i : kRows;
    for (std::int64_t j = 0; j < columns; ++j)
      for (std::int64_t r = 0; r < n; ++r) out[j * ldo + i + r] = from[(i + r) * columns + j];
  }
}

/// Throws InvalidInput unless net, rows and weights fit each other.
void check_fitting(const FittingNet& net, const TypedRows& rows, std::size_t layers);

}  // namespace dp
