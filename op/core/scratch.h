// Arrays that are not filled first, and how their rows are handed to the matrix products.
#pragma once

#include <cstdint>
#include <memory>
#include <new>
#include <vector>

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

}  // namespace dp
