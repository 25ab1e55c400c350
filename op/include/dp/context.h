// Where a kernel runs.
#pragma once

#include "dp/parallel.h"
#include "dp/target.h"

namespace dp {

struct Context {
  Pool& pool;
  const Target& target;
};

}  // namespace dp
