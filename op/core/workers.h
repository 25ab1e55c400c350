// Scratch memory that tasks use one after another.
#pragma once

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace dp {

/// Objects that are dear to make and left as good as new by those who used them: as many are made as tasks run at the
/// same time. What a task computes must not depend on which one it gets.
template <class Worker>
class Workers {
 public:
  /// Call body(worker) with a worker that nobody else has; make() returns a new one when all are in use.
  template <class Make, class Body>
  void with(const Make& make, const Body& body) {
    std::unique_ptr<Worker> worker = take();
    if (worker == nullptr) worker = std::make_unique<Worker>(make());
    body(*worker);
    const std::lock_guard<std::mutex> lock(mutex_);
    idle_.push_back(std::move(worker));
  }

 private:
  std::unique_ptr<Worker> take() {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (idle_.empty()) return nullptr;
    std::unique_ptr<Worker> worker = std::move(idle_.back());
    idle_.pop_back();
    return worker;
  }

  std::mutex mutex_;
  std::vector<std::unique_ptr<Worker>> idle_;
};

}  // namespace dp
