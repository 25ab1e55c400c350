// The exceptions of the core. They are turned into a status in one place per face: c_api.cc and tf/status.h.
#pragma once

#include <stdexcept>
#include <string>

namespace dp {

/// The caller's arrays or settings cannot be worked with; the text names what was expected and found.
class InvalidInput : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

}  // namespace dp
