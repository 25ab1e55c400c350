#include "dp/linear.h"

#include <algorithm>
#include <string>
#include <vector>

#include "core/scratch.h"
#include "core/simd/kernels.h"
#include "dp/error.h"

namespace dp {

namespace {

// Of a task: few enough to stay in the second cache, and for derivatives by the matrix so many that adding up what the
// tasks find costs little.
constexpr std::int64_t kRows = 96, kRowsOfSums = 768;

void check(const Linear& sizes) {
  if (sizes.nrows < 0 || sizes.fan_in < 0 || sizes.width < 0)
    throw InvalidInput("linear: expected sizes of 0 or more, found " + std::to_string(sizes.nrows) + " rows, " +
                       std::to_string(sizes.fan_in) + " times " + std::to_string(sizes.width));
}

/// Check, then call body(task, first row, number of rows).
template <class Body>
void for_rows(const Linear& sizes, std::int64_t rows, const Context& context, const Body& body) {
  check(sizes);
  const std::int64_t cost = rows * sizes.fan_in * sizes.width / 25;  // nanoseconds
  parallel_for(context.pool, (sizes.nrows + rows - 1) / rows, cost, [&](std::int64_t task) {
    const std::int64_t first = task * rows;
    body(task, first, std::min(rows, sizes.nrows - first));
  });
}

}  // namespace

template <class T>
void linear(const Linear& sizes, const T* x, const T* w, const T* b, T* y, const Context& context) {
  for_rows(sizes, kRows, context, [&](std::int64_t, std::int64_t first, std::int64_t n) {
    const std::vector<const T*> from = row_pointers(x + first * sizes.fan_in, n, sizes.fan_in);
    const std::vector<T*> to = row_pointers(y + first * sizes.width, n, sizes.width);
    for (T* row : to) std::copy_n(b, sizes.width, row);
    kernels<T>(context.target).product(n, sizes.width, sizes.fan_in, from.data(), w, sizes.width, to.data(), true);
  });
}

template <class T>
void linear_back(const Linear& sizes, const T* dy, const T* w, T* dx, const Context& context) {
  check(sizes);
  const Scratch<T> transposed(sizes.fan_in * sizes.width);
  transpose(sizes.fan_in, sizes.width, w, transposed.data(), sizes.fan_in);
  for_rows(sizes, kRows, context, [&](std::int64_t, std::int64_t first, std::int64_t n) {
    const std::vector<const T*> from = row_pointers(dy + first * sizes.width, n, sizes.width);
    const std::vector<T*> to = row_pointers(dx + first * sizes.fan_in, n, sizes.fan_in);
    kernels<T>(context.target)
        .product(n, sizes.fan_in, sizes.width, from.data(), transposed.data(), sizes.fan_in, to.data(), false);
  });
}

template <class T>
void linear_outer(const Linear& sizes, const T* x, const T* dy, T* dw, T* db, const Context& context) {
  check(sizes);
  // A row of each array is what one task adds to dw and, behind that, to db.
  const std::int64_t tasks = (sizes.nrows + kRowsOfSums - 1) / kRowsOfSums, matrix = sizes.fan_in * sizes.width;
  const std::int64_t numbers = matrix + sizes.width;
  const Scratch<T> sums(tasks * numbers);
  for_rows(sizes, kRowsOfSums, context, [&](std::int64_t task, std::int64_t first, std::int64_t n) {
    const T* rows = dy + first * sizes.width;
    T *to = sums.at(task * numbers), *row_sum = to + matrix;
    if (dw != nullptr)
      kernels<T>(context.target)
          .product_at(sizes.fan_in, sizes.width, n, row_pointers(x + first * sizes.fan_in, n, sizes.fan_in).data(), 0,
                      rows, sizes.width, row_pointers(to, sizes.fan_in, sizes.width).data(), false);
    if (db == nullptr) return;
    std::fill_n(row_sum, sizes.width, T(0));
    for (std::int64_t r = 0; r < n; ++r)
      for (std::int64_t j = 0; j < sizes.width; ++j) row_sum[j] += rows[r * sizes.width + j];
  });
  const auto add_up = [&](std::int64_t row, T* to) {
    std::fill_n(to, sizes.width, T(0));
    for (std::int64_t task = 0; task < tasks; ++task)
      for (std::int64_t j = 0; j < sizes.width; ++j) to[j] += sums.at(task * numbers + row * sizes.width)[j];
  };
  if (dw != nullptr)
    parallel_for(context.pool, sizes.fan_in, tasks * sizes.width, [&](std::int64_t row) {
      add_up(row, dw + row * sizes.width);
    });
  if (db != nullptr) add_up(sizes.fan_in, db);
}

#define DP_INSTANTIATE(T)                                                                              \
  template void linear(const Linear&, const T*, const T*, const T*, T*, const Context&);               \
  template void linear_back(const Linear&, const T*, const T*, T*, const Context&);                    \
  template void linear_outer(const Linear&, const T*, const T*, T*, T*, const Context&);
DP_INSTANTIATE(float)
DP_INSTANTIATE(double)
#undef DP_INSTANTIATE

}  // namespace dp
