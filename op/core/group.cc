#include "dp/group.h"

#include <algorithm>
#include <string>

#include "core/offsets.h"
#include "core/simd/kernels.h"
#include "dp/error.h"

namespace dp {

namespace {

void check(const Groups& groups, const std::int32_t* offsets) {
  if (groups.ngroups < 0 || groups.nrows < 0 || groups.width < 0)
    throw InvalidInput("groups: expected sizes of 0 or more, found " + std::to_string(groups.ngroups) +
                       " groups of " + std::to_string(groups.nrows) + " rows of " + std::to_string(groups.width));
  check_offsets(groups.ngroups, groups.nrows, offsets);
}

/// Check the offsets, then call body(group, first row, number of rows) for each group, several groups a task.
template <class Body>
void for_groups(const Groups& groups, const std::int32_t* offsets, const Context& context, const Body& body) {
  check(groups, offsets);
  if (groups.ngroups == 0) return;
  constexpr std::int64_t kRowsPerTask = 512;
  const std::int64_t length = std::max<std::int64_t>(1, kRowsPerTask * groups.ngroups / (groups.nrows + 1));
  const std::int64_t cost = (length * groups.nrows / groups.ngroups + 1) * (groups.width + 8) / 2;  // nanoseconds
  parallel_for(context.pool, (groups.ngroups + length - 1) / length, cost, [&](std::int64_t task) {
    const std::int64_t end = std::min(groups.ngroups, (task + 1) * length);
    for (std::int64_t i = task * length; i < end; ++i)
      body(i, std::int64_t(offsets[i]), std::int64_t(offsets[i + 1] - offsets[i]));
  });
}

}  // namespace

template <class T>
void group_outer(const Groups& groups, const T* env, const T* feature, const std::int32_t* offsets, T* x,
                 const Context& context) {
  const std::int64_t m = groups.width;
  for_groups(groups, offsets, context, [&](std::int64_t i, std::int64_t first, std::int64_t n) {
    kernels<T>(context.target).group_outer(n, m, env + 4 * first, feature + m * first, x + 4 * m * i);
  });
}

template <class T>
void group_spread(const Groups& groups, const T* env, const T* x, const std::int32_t* offsets, T* feature,
                  const Context& context) {
  const std::int64_t m = groups.width;
  for_groups(groups, offsets, context, [&](std::int64_t i, std::int64_t first, std::int64_t n) {
    kernels<T>(context.target).group_spread(n, m, env + 4 * first, x + 4 * m * i, feature + m * first);
  });
}

template <class T>
void group_dot(const Groups& groups, const T* feature, const T* x, const std::int32_t* offsets, T* env,
               const Context& context) {
  const std::int64_t m = groups.width;
  for_groups(groups, offsets, context, [&](std::int64_t i, std::int64_t first, std::int64_t n) {
    kernels<T>(context.target).group_dot(n, m, feature + m * first, x + 4 * m * i, env + 4 * first);
  });
}

#define DP_INSTANTIATE(T)                                                                                            \
  template void group_outer(const Groups&, const T*, const T*, const std::int32_t*, T*, const Context&);             \
  template void group_spread(const Groups&, const T*, const T*, const std::int32_t*, T*, const Context&);            \
  template void group_dot(const Groups&, const T*, const T*, const std::int32_t*, T*, const Context&);
DP_INSTANTIATE(float)
DP_INSTANTIATE(double)
#undef DP_INSTANTIATE

}  // namespace dp
