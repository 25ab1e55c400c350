#include "dp/types.h"

#include <limits>
#include <string>

#include "dp/error.h"

namespace dp {

Slots::Slots(const std::int32_t* sel, int ntypes) : start_(1, 0) {
  std::int64_t total = 0;
  for (int t = 0; t < ntypes; ++t) {
    total += sel[t];
    // 12 numbers of the derivative per slot are addressed with int inside a row.
    if (sel[t] < 0 || total > std::numeric_limits<int>::max() / 12)
      throw InvalidInput("sel[" + std::to_string(t) + "]: expected a number of neighbours, found " +
                         std::to_string(sel[t]));
    start_.push_back(static_cast<int>(total));
  }
}

}  // namespace dp
