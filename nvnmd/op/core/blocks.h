// Long loops in blocks, one task each.
#pragma once

#include <algorithm>
#include <cstdint>

#include "dp/parallel.h"

namespace nvnmd {

/// Call body(begin, end) for blocks of [0, n) of about `size`; `cost` is in nanoseconds per number.
template <class Body>
void in_blocks(dp::Pool& pool, std::int64_t n, std::int64_t size, double cost, const Body& body) {
  size = std::max<std::int64_t>(size, 1);
  dp::parallel_for(pool, (n + size - 1) / size, static_cast<std::int64_t>(cost * size) + 1, [&](std::int64_t block) {
    body(block * size, std::min(n, (block + 1) * size));
  });
}

}  // namespace nvnmd
