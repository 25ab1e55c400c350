// What passes through the registers while a task runs.
#pragma once

#include <cstdint>

#include "nvnmd/simulate.h"

namespace nvnmd {

class Record {
 public:
  explicit Record(const Registers& registers) : limits_(registers.limits), saturate_(registers.saturate) {}

  /// Note x [n], in multiples of `unit`; bring what does not fit to what does, when asked to. Returns the largest
  /// magnitude that remains.
  double settle(Register r, std::int64_t n, double* x, double unit = 1) {
    return pass(r, n, x, unit, true);
  }
  /// The same for numbers that are made once for many uses, which count nowhere.
  void clip(Register r, std::int64_t n, double* x) { pass(r, n, x, 1, false); }

  void add_to(Registers& registers) const;

 private:
  double pass(Register r, std::int64_t n, double* x, double unit, bool noted);

  const double* limits_;
  bool saturate_;
  double largest_[kRegisters] = {};
  std::int64_t over_[kRegisters] = {}, under_[kRegisters] = {};
};

}  // namespace nvnmd
