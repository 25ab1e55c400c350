// Time of a piece of work, and the parts of the benchmark, one file each.
#pragma once

#include <ctime>
#include <functional>

#include "dp/target.h"

/// Processor time of this thread, which alone does the work: what else the machine does counts little.
inline double thread_nanoseconds() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return 1e9 * static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec);
}

/// Nanoseconds of the work, by the least of several runs.
inline double nanoseconds(const std::function<void()>& work) {
  double least = 1e300;
  for (int run = 0; run < 30; ++run) {
    const double start = thread_nanoseconds();
    work();
    const double time = thread_nanoseconds() - start;
    least = time < least ? time : least;
  }
  return least;
}

void bench_attention(const dp::Target& target);
void bench_fitting(const dp::Target& target);
void bench_norm(const dp::Target& target);
void bench_tables(const dp::Target& target);
void bench_tabulate(const dp::Target& target);
