// Tasks run once each; the exception of the lowest task comes out after all have ended.
#include "dp/parallel.h"

#include <atomic>
#include <vector>

#include "check.h"

namespace {

void every_task_once(int threads, int n) {
  dp::ThreadPool pool(threads);
  std::vector<std::atomic<int>> runs(n);
  dp::parallel_for(pool, n, 1, [&](std::int64_t i) { ++runs[i]; });
  for (const auto& count : runs) CHECK(count == 1);
}

void first_exception(int threads) {
  dp::ThreadPool pool(threads);
  std::atomic<int> ended{0};
  const auto run = [&] {
    dp::parallel_for(pool, 50, 1, [&](std::int64_t i) {
      ++ended;
      if (i % 10 == 7) throw dp::InvalidInput("task " + std::to_string(i));
    });
  };
  CHECK_THROWS(run(), "task 7");
  CHECK(ended == 50);
}

}  // namespace

TEST_MAIN(for (int threads : {1, 2, 8}) {
  for (int n : {0, 1, 7, 1000}) every_task_once(threads, n);
  first_exception(threads);
})
