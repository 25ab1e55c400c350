// Rows grouped by atom: what the offsets must be.
#pragma once

#include <cstdint>
#include <string>

#include "dp/error.h"

namespace dp {

/// Throws InvalidInput unless the offsets [ngroups + 1] divide the rows into groups.
inline void check_offsets(std::int64_t ngroups, std::int64_t nrows, const std::int32_t* offsets) {
  if (offsets[0] != 0) throw InvalidInput("offsets[0]: expected 0, found " + std::to_string(offsets[0]));
  for (std::int64_t i = 0; i < ngroups; ++i)
    if (offsets[i + 1] < offsets[i])
      throw InvalidInput("offsets[" + std::to_string(i + 1) + "]: expected at least the one before, " +
                         std::to_string(offsets[i]) + ", found " + std::to_string(offsets[i + 1]));
  if (offsets[ngroups] != nrows)
    throw InvalidInput("offsets: expected the last to be the number of rows " + std::to_string(nrows) + ", found " +
                       std::to_string(offsets[ngroups]));
}

}  // namespace dp
