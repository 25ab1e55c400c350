// Ragged contractions: rows (neighbours) grouped by atom, without empty slots. The three maps are bilinear, and the
// derivative of each by either of its dense inputs is another of them, so that derivatives of every order exist.
#pragma once

#include <cstdint>

#include "dp/context.h"

namespace dp {

/// Sizes of the arrays. In all functions below
///
///   offsets  [ngroups + 1], in: group i owns the rows offsets[i] .. offsets[i + 1] - 1; offsets[0] = 0, not
///            decreasing, the last is nrows. A group may be empty.
///   env      [nrows, 4]
///   feature  [nrows, width]
///   x        [ngroups, 4, width]
///
/// and g(j) is the group that owns row j. Outputs are overwritten and must not overlap the inputs.
struct Groups {
  std::int64_t ngroups = 0;
  std::int64_t nrows = 0;
  std::int64_t width = 0;
};

/// x[i, a, k] = sum over the rows j of group i of env[j, a] feature[j, k]; 0 for an empty group.
/// Derivatives: env by group_dot, feature by group_spread.
/// Throws InvalidInput, as all three, for offsets that do not divide the rows into groups.
template <class T>
void group_outer(const Groups& groups, const T* env, const T* feature, const std::int32_t* offsets, T* x,
                 const Context& context);

/// feature[j, k] = sum over a of env[j, a] x[g(j), a, k]. Derivatives: env by group_dot, x by group_outer.
template <class T>
void group_spread(const Groups& groups, const T* env, const T* x, const std::int32_t* offsets, T* feature,
                  const Context& context);

/// env[j, a] = sum over k of feature[j, k] x[g(j), a, k]. Derivatives: feature by group_spread, x by group_outer.
template <class T>
void group_dot(const Groups& groups, const T* feature, const T* x, const std::int32_t* offsets, T* env,
               const Context& context);

}  // namespace dp
