#include "core/table_update.h"

namespace dp {

template <int C, class T>
void TableUpdate<C, T>::finish(const TableSizes& sizes, const T* dx, T* table, const Context& context) const {
  // A counting sort by knot, which keeps the order of the atoms.
  std::vector<std::int64_t> end(sizes.nknots + 1, 0);
  for (const Task& task : tasks_)
    for (std::int64_t knot : task.knot) ++end[knot + 1];
  for (std::int64_t knot = 0; knot < sizes.nknots; ++knot) end[knot + 1] += end[knot];
  const std::int64_t entries = end[sizes.nknots];
  std::vector<std::int64_t> next(end.begin(), end.end() - 1);
  std::vector<const T*> sums(entries), x(entries);
  for (const Task& task : tasks_)
    for (std::size_t k = 0; k < task.knot.size(); ++k) {
      const std::int64_t place = next[task.knot[k]]++;
      sums[place] = task.sums.data() + 3 * C * k;
      x[place] = dx + task.atom[k] * C * sizes.width;
    }
  constexpr std::int64_t kKnotsPerTask = 4;
  const auto update = table_kernels<C, T>(context).update;
  const std::int64_t cost = kKnotsPerTask * (entries * C * sizes.width / (2 * sizes.nknots + 1) + sizes.width) + 1;
  parallel_for(context.pool, (sizes.nknots + kKnotsPerTask - 1) / kKnotsPerTask, cost, [&](std::int64_t task) {
    const std::int64_t last = std::min(sizes.nknots, (task + 1) * kKnotsPerTask);
    for (std::int64_t knot = task * kKnotsPerTask; knot < last; ++knot)
      update(end[knot + 1] - end[knot], sizes.width, sums.data() + end[knot], x.data() + end[knot],
             table + 3 * knot * sizes.width);
  });
}

template class TableUpdate<1, float>;
template class TableUpdate<1, double>;
template class TableUpdate<4, float>;
template class TableUpdate<4, double>;
template class TableUpdate<8, float>;
template class TableUpdate<8, double>;

}  // namespace dp
