#include "dp/parallel.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace dp {

void ThreadPool::run(std::int64_t n, std::int64_t, const std::function<void(std::int64_t)>& body) {
  std::atomic<std::int64_t> next{0};
  const auto work = [&] {
    for (std::int64_t i = next++; i < n; i = next++) body(i);
  };
  std::vector<std::thread> helpers;
  const std::int64_t wanted = std::min<std::int64_t>(threads_, n) - 1;
  try {
    for (std::int64_t i = 0; i < wanted; ++i) helpers.emplace_back(work);
  } catch (const std::system_error&) {
    // The system gives no more threads; those that started and this one do all the work.
  }
  work();
  for (std::thread& helper : helpers) helper.join();
}

void parallel_for(Pool& pool, std::int64_t n, std::int64_t cost, const std::function<void(std::int64_t)>& body) {
  std::mutex mutex;
  std::exception_ptr error;
  std::int64_t failed = n;
  pool.run(n, cost, [&](std::int64_t i) {
    try {
      body(i);
    } catch (...) {
      const std::lock_guard<std::mutex> lock(mutex);
      if (i < failed) {
        failed = i;
        error = std::current_exception();
      }
    }
  });
  if (error) std::rethrow_exception(error);
}

}  // namespace dp
