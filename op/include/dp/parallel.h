// Threads are the caller's: a kernel splits its work into tasks that do not depend on how many threads there are,
// so results are the same bit for bit on one thread and on many.
#pragma once

#include <cstdint>
#include <functional>

namespace dp {

/// Runs independent tasks. Implemented by the caller (TensorFlow's worker threads) or by ThreadPool.
class Pool {
 public:
  virtual ~Pool() = default;

  /// Call body(i) once for each i in [0, n), on any thread and in any order; return when all have ended.
  /// `cost` estimates the nanoseconds of one task. `body` does not throw.
  virtual void run(std::int64_t n, std::int64_t cost, const std::function<void(std::int64_t)>& body) = 0;
};

/// A fixed number of threads, started for each run; 1 means the calling thread alone.
class ThreadPool : public Pool {
 public:
  explicit ThreadPool(int threads) : threads_(threads) {}
  void run(std::int64_t n, std::int64_t cost, const std::function<void(std::int64_t)>& body) override;

 private:
  int threads_;
};

/// Run the tasks on the pool. When some throw, the exception of the lowest task is thrown again after all ended.
void parallel_for(Pool& pool, std::int64_t n, std::int64_t cost, const std::function<void(std::int64_t)>& body);

}  // namespace dp
