#include "dp/tabulate.h"

#include <algorithm>
#include <sstream>
#include <vector>

#include "core/simd/kernels.h"
#include "dp/error.h"

namespace dp {

namespace {

template <class T>
void check(const PolynomialTable<T>& table) {
  std::ostringstream found;
  found << "[" << table.lower << ", " << table.upper << ", " << table.max << ", " << table.fine << ", " << table.coarse
        << "]";
  const auto finite = [](T value) { return value - value == 0; };
  if (!(table.lower <= table.upper && table.upper <= table.max && table.fine > 0 && table.coarse > 0 &&
        finite(table.lower) && finite(table.max) && (!table.symmetric || -table.max <= table.lower)))
    throw InvalidInput(std::string("table_info: expected ") + (table.symmetric ? "-max <= " : "") +
                       "lower <= upper <= max and steps above 0, found " + found.str());
  // One row more than there are is a rounded division, and the last polynomial goes on over it.
  const T below = table.symmetric ? (table.lower + table.max) / table.coarse : T(0);
  const T intervals =
      below + (table.upper - table.lower) / table.fine + (table.max - table.upper) / table.coarse;
  if (table.rows < 1 || !(intervals < static_cast<T>(table.rows) + 2))
    throw InvalidInput("table: expected a row for each interval of table_info " + found.str() + ", found " +
                       std::to_string(table.rows) + " rows");
}

/// Some neighbours of one atom: `count` slots from `slot` on, which is counted over all atoms.
template <class T>
struct Part {
  std::int64_t group, slot, count;
  const TabulatedPoint<T>* points;
  T last_weight;  ///< how often the last of the slots counts
};

/// How many slots of an atom are looked at; the last of them counts for those that follow.
template <class T>
std::int64_t slots_before_fold(const TabulateRows& rows, const T* x, const T* em) {
  if (!rows.sorted) return rows.nrows;
  for (std::int64_t j = 0; j < rows.nrows; ++j)
    if (x[j] == x[rows.nrows - 1] && em[4 * j + 1] == 0 && em[4 * j + 2] == 0 && em[4 * j + 3] == 0) return j + 1;
  return rows.nrows;
}

/// Room for factors of the rows of a part.
template <class T>
struct Scratch {
  std::vector<TabulatedPoint<T>> points;
  std::vector<T> value, slope, em;
};

constexpr std::int64_t kPartRows = 256;  // their points and factors stay in the first cache

/// Locate the neighbours of each atom and call body(part, scratch) for all parts of it in order. `em` is read only
/// where the rows are sorted.
template <class T, class Body>
void for_parts(const PolynomialTable<T>& table, const TabulateRows& rows, const T* x, const T* em,
               const Context& context, const Body& body) {
  if (rows.ngroups == 0 || rows.nrows == 0) return;
  check(table);
  const Kernels<T>& kernel = kernels<T>(context.target);
  const std::int64_t length = std::max<std::int64_t>(1, kPartRows / rows.nrows);
  const std::int64_t cost = length * rows.nrows * (table.width + 20);  // nanoseconds
  parallel_for(context.pool, (rows.ngroups + length - 1) / length, cost, [&](std::int64_t task) {
    const std::int64_t room = std::min(kPartRows, rows.nrows);
    Scratch<T> scratch{std::vector<TabulatedPoint<T>>(room), std::vector<T>(4 * room), std::vector<T>(room),
                       std::vector<T>(4 * room)};
    for (std::int64_t i = task * length; i < std::min(rows.ngroups, (task + 1) * length); ++i) {
      const std::int64_t first = i * rows.nrows, n = slots_before_fold(rows, x + first, em + 4 * first);
      for (std::int64_t j = 0; j < n; j += kPartRows) {
        Part<T> part{i, first + j, std::min(kPartRows, n - j), scratch.points.data(), T(1)};
        if (j + part.count == n) part.last_weight = static_cast<T>(rows.nrows - n + 1);
        kernel.tabulate_locate(table, part.count, x + part.slot, scratch.points.data());
        body(part, scratch);
      }
    }
  });
}

/// The numbers of a part's rows, `columns` each, where the last row is multiplied by its weight; copied into `to`.
template <class T>
const T* weighted(const Part<T>& part, const T* all, int columns, std::vector<T>& to) {
  std::copy_n(all + columns * part.slot, columns * part.count, to.begin());
  for (int a = 0; a < columns; ++a) to[columns * (part.count - 1) + a] *= part.last_weight;
  return to.data();
}

template <class T>
const T* at(const T* array, std::int64_t offset) {
  return array == nullptr ? nullptr : array + offset;
}

TabulateRows unsorted(const TabulateRows& rows) { return {rows.ngroups, rows.nrows, false}; }

template <class T>
void clear(T* out, std::int64_t n) {
  if (out != nullptr) std::fill_n(out, n, T(0));
}

}  // namespace

template <class T>
void tabulate_a(const PolynomialTable<T>& table, const TabulateRows& rows, const T* x, const T* em, const T* two,
                T* out, const Context& context) {
  const std::int64_t m = table.width;
  clear(out, rows.ngroups * 4 * m);
  for_parts(table, rows, x, em, context, [&](const Part<T>& part, Scratch<T>& scratch) {
    const TabulateFactors<T> in{weighted(part, em, 4, scratch.value), nullptr, nullptr, at(two, part.slot * m),
                                nullptr};
    kernels<T>(context.target).tabulate_sum(4, part.count, m, part.points, in, out + part.group * 4 * m);
  });
}

template <class T>
void tabulate_a_grad(const PolynomialTable<T>& table, const TabulateRows& rows, const T* x, const T* em, const T* two,
                     const T* dy, T* dx, T* dem, T* dtwo, const Context& context) {
  const std::int64_t m = table.width, slots = rows.ngroups * rows.nrows;
  if (rows.sorted) clear(dx, slots), clear(dem, 4 * slots), clear(dtwo, slots * m);
  for_parts(table, rows, x, em, context, [&](const Part<T>& part, Scratch<T>& scratch) {
    T* part_dtwo = dtwo ? dtwo + part.slot * m : nullptr;
    const TabulateProducts<T> products{scratch.value.data(),   scratch.slope.data(),   part_dtwo,
                                       em + 4 * part.slot,     at(two, part.slot * m), dy + part.group * 4 * m};
    kernels<T>(context.target).tabulate_dot(4, part.count, m, part.points, products);
    for (int a = 0; a < 4; ++a) scratch.value[4 * (part.count - 1) + a] *= part.last_weight;
    scratch.slope[part.count - 1] *= part.last_weight;
    if (dem) std::copy_n(scratch.value.data(), 4 * part.count, dem + 4 * part.slot);
    if (dx) std::copy_n(scratch.slope.data(), part.count, dx + part.slot);
    for (std::int64_t k = 0; dtwo && k < m; ++k) part_dtwo[(part.count - 1) * m + k] *= part.last_weight;
  });
}

template <class T>
void tabulate_a_grad_grad(const PolynomialTable<T>& table, const TabulateRows& rows, const T* x, const T* em,
                          const T* two, const T* dz_dx, const T* dz_dem, const T* dz_dtwo, T* dz_dy,
                          const Context& context) {
  const std::int64_t m = table.width;
  clear(dz_dy, rows.ngroups * 4 * m);
  for_parts(table, rows, x, em, context, [&](const Part<T>& part, Scratch<T>& scratch) {
    const TabulateFactors<T> in{weighted(part, dz_dem, 4, scratch.value), dz_dx + part.slot,
                             weighted(part, em, 4, scratch.em), at(two, part.slot * m), at(dz_dtwo, part.slot * m)};
    kernels<T>(context.target).tabulate_sum(4, part.count, m, part.points, in, dz_dy + part.group * 4 * m);
  });
}

template <class T>
void tabulate_t(const PolynomialTable<T>& table, const TabulateRows& rows, const T* x, T* out,
                const Context& context) {
  const std::int64_t m = table.width;
  clear(out, rows.ngroups * m);
  for_parts<T>(table, unsorted(rows), x, nullptr, context, [&](const Part<T>& part, Scratch<T>&) {
    const TabulateFactors<T> in{x + part.slot, nullptr, nullptr, nullptr, nullptr};
    kernels<T>(context.target).tabulate_sum(1, part.count, m, part.points, in, out + part.group * m);
  });
}

template <class T>
void tabulate_t_grad(const PolynomialTable<T>& table, const TabulateRows& rows, const T* x, const T* dy, T* dx,
                     T* dem, const Context& context) {
  const std::int64_t m = table.width;
  for_parts<T>(table, unsorted(rows), x, nullptr, context, [&](const Part<T>& part, Scratch<T>& scratch) {
    T* value = dem ? dem + part.slot : scratch.value.data();
    T* slope = dx ? dx + part.slot : scratch.slope.data();
    const TabulateProducts<T> products{value, slope, nullptr, x + part.slot, nullptr, dy + part.group * m};
    kernels<T>(context.target).tabulate_dot(1, part.count, m, part.points, products);
  });
}

template <class T>
void tabulate_t_grad_grad(const PolynomialTable<T>& table, const TabulateRows& rows, const T* x, const T* dz_dx,
                          const T* dz_dem, T* dz_dy, const Context& context) {
  const std::int64_t m = table.width;
  clear(dz_dy, rows.ngroups * m);
  for_parts<T>(table, unsorted(rows), x, nullptr, context, [&](const Part<T>& part, Scratch<T>&) {
    const TabulateFactors<T> in{dz_dem + part.slot, dz_dx + part.slot, x + part.slot, nullptr, nullptr};
    kernels<T>(context.target).tabulate_sum(1, part.count, m, part.points, in, dz_dy + part.group * m);
  });
}

// Each row of the third form is a sum of one row.

template <class T>
void tabulate_r(const PolynomialTable<T>& table, const TabulateRows& rows, const T* x, T* out,
                const Context& context) {
  const std::int64_t m = table.width;
  clear(out, rows.ngroups * rows.nrows * m);
  for_parts<T>(table, unsorted(rows), x, nullptr, context, [&](const Part<T>& part, Scratch<T>&) {
    const T one = 1;
    const TabulateFactors<T> in{&one, nullptr, nullptr, nullptr, nullptr};
    for (std::int64_t j = 0; j < part.count; ++j)
      kernels<T>(context.target).tabulate_sum(1, 1, m, part.points + j, in, out + (part.slot + j) * m);
  });
}

template <class T>
void tabulate_r_grad(const PolynomialTable<T>& table, const TabulateRows& rows, const T* x, const T* dy, T* dx,
                     const Context& context) {
  const std::int64_t m = table.width;
  for_parts<T>(table, unsorted(rows), x, nullptr, context, [&](const Part<T>& part, Scratch<T>& scratch) {
    const T one = 1;
    for (std::int64_t j = 0; j < part.count; ++j) {
      const std::int64_t slot = part.slot + j;
      const TabulateProducts<T> products{&scratch.value[j], dx + slot, nullptr, &one, nullptr, dy + slot * m};
      kernels<T>(context.target).tabulate_dot(1, 1, m, part.points + j, products);
    }
  });
}

template <class T>
void tabulate_r_grad_grad(const PolynomialTable<T>& table, const TabulateRows& rows, const T* x, const T* dz_dx,
                          T* dz_dy, const Context& context) {
  const std::int64_t m = table.width;
  clear(dz_dy, rows.ngroups * rows.nrows * m);
  for_parts<T>(table, unsorted(rows), x, nullptr, context, [&](const Part<T>& part, Scratch<T>&) {
    const T zero = 0, one = 1;
    for (std::int64_t j = 0; j < part.count; ++j) {
      const std::int64_t slot = part.slot + j;
      const TabulateFactors<T> in{&zero, dz_dx + slot, &one, nullptr, nullptr};
      kernels<T>(context.target).tabulate_sum(1, 1, m, part.points + j, in, dz_dy + slot * m);
    }
  });
}

#define DP_INSTANTIATE(T)                                                                                            \
  template void tabulate_a(const PolynomialTable<T>&, const TabulateRows&, const T*, const T*, const T*, T*,         \
                           const Context&);                                                                          \
  template void tabulate_a_grad(const PolynomialTable<T>&, const TabulateRows&, const T*, const T*, const T*,        \
                                const T*, T*, T*, T*, const Context&);                                               \
  template void tabulate_a_grad_grad(const PolynomialTable<T>&, const TabulateRows&, const T*, const T*, const T*,   \
                                     const T*, const T*, const T*, T*, const Context&);                              \
  template void tabulate_t(const PolynomialTable<T>&, const TabulateRows&, const T*, T*, const Context&);            \
  template void tabulate_t_grad(const PolynomialTable<T>&, const TabulateRows&, const T*, const T*, T*, T*,          \
                                const Context&);                                                                     \
  template void tabulate_t_grad_grad(const PolynomialTable<T>&, const TabulateRows&, const T*, const T*, const T*,   \
                                     T*, const Context&);                                                            \
  template void tabulate_r(const PolynomialTable<T>&, const TabulateRows&, const T*, T*, const Context&);            \
  template void tabulate_r_grad(const PolynomialTable<T>&, const TabulateRows&, const T*, const T*, T*,              \
                                const Context&);                                                                     \
  template void tabulate_r_grad_grad(const PolynomialTable<T>&, const TabulateRows&, const T*, const T*, T*,         \
                                     const Context&);
DP_INSTANTIATE(float)
DP_INSTANTIATE(double)
#undef DP_INSTANTIATE

}  // namespace dp
