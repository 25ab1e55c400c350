// The mesh tensor: where the neighbours of a frame come from, told by its length.
#pragma once

#include <cstring>
#include <string>
#include <vector>

#include "dp/error.h"
#include "dp/neighbor.h"
#include "tensorflow/core/framework/tensor.h"

namespace dp_tf {

class Mesh {
 public:
  /// mixed: the op takes frames of mixed types, which say so by one number more.
  /// Throws InvalidInput for a length without meaning or a list that does not fit into the tensor.
  Mesh(const tensorflow::Tensor& tensor, int nloc, bool mixed = false) {
    if (tensor.dims() != 1)
      throw dp::InvalidInput("mesh: expected a vector, found shape " + tensor.shape().DebugString());
    const auto* words = tensor.flat<std::int32_t>().data();
    const std::int64_t length = tensor.dim_size(0);
    const bool for_mixed = length == 1 || length == 7;
    if (for_mixed && !mixed)
      throw dp::InvalidInput("mesh: mixed types (length " + std::to_string(length) +
                             ") are not supported by this op; expected length 0, 6, 16 or more");
    periodic_ = length == 6 || length == 7;
    if (length == 0 || length == 6 || for_mixed) return;
    if (length < 16)
      throw dp::InvalidInput(std::string("mesh: invalid mesh tensor: expected length ") +
                             (mixed ? "0, 1, 6, 7" : "0, 6") + ", 16 or more, found " + std::to_string(length));
    has_list_ = true;
    if (length == 16)
      read_addresses(words);
    else
      read_values(words, length, nloc);
  }

  bool periodic() const { return periodic_; }
  /// Null when the op searches neighbours itself.
  const dp::NeighborList* list() const { return has_list_ ? &list_ : nullptr; }

 private:
  /// Addresses of a list in this process, valid while the session runs.
  void read_addresses(const std::int32_t* words) {
    list_.nrows = words[1];
    std::memcpy(&list_.centre, words + 4, sizeof list_.centre);
    std::memcpy(&list_.count, words + 8, sizeof list_.count);
    std::memcpy(&list_.neighbors, words + 12, sizeof list_.neighbors);
    if (list_.nrows > 0 && (list_.centre == nullptr || list_.count == nullptr || list_.neighbors == nullptr))
      throw dp::InvalidInput("mesh: expected the addresses of a neighbour list, found a null address");
  }

  void read_values(const std::int32_t* words, std::int64_t length, int nloc) {
    std::int64_t needed = 16 + 2 * std::int64_t(nloc);
    if (words[0] != nloc)
      throw dp::InvalidInput("mesh: expected a list of natoms[0] = " + std::to_string(nloc) + " rows, found " +
                             std::to_string(words[0]));
    if (length >= needed)
      for (int row = 0; row < nloc; ++row) {
        const std::int32_t count = words[16 + nloc + row];
        if (count < 0)
          throw dp::InvalidInput("mesh, row " + std::to_string(row) + ": expected a number of neighbours, found " +
                                 std::to_string(count));
        rows_.push_back(words + needed);  // its end is checked below, before it is read
        needed += count;
      }
    if (length < needed)
      throw dp::InvalidInput("mesh: expected at least " + std::to_string(needed) + " numbers, found " +
                             std::to_string(length));
    list_ = {nloc, words + 16, words + 16 + nloc, rows_.data()};
  }

  bool periodic_ = false, has_list_ = false;
  dp::NeighborList list_;
  std::vector<const std::int32_t*> rows_;
};

}  // namespace dp_tf
