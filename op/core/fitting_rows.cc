#include "core/fitting_rows.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "dp/error.h"

namespace dp {

std::int64_t FittingNet::hidden() const { return std::accumulate(neuron.begin(), neuron.end(), std::int64_t(0)); }

std::int64_t TypedRows::nloc() const { return std::accumulate(counts.begin(), counts.end(), std::int64_t(0)); }

SortedRows::SortedRows(const TypedRows& rows) : nframes(rows.nframes), nloc(rows.nloc()), counts(rows.counts) {
  // Few rows in a block leave little work for each weight that is read, many leave threads without any.
  const std::int64_t most = std::clamp<std::int64_t>(rows.total() / 128 * 8, 32, 96);
  std::int64_t at = 0;
  for (std::size_t t = 0; t < counts.size(); ++t) {
    start.push_back(at);
    at += counts[t];
    const std::int64_t n = size(static_cast<int>(t)), pieces = (n + most - 1) / most;
    const std::int64_t length = pieces == 0 ? 0 : ((n + pieces - 1) / pieces + 7) / 8 * 8;
    for (std::int64_t i = 0; i < n; i += length) blocks.push_back({static_cast<int>(t), i, std::min(length, n - i)});
  }
}

void check_fitting(const FittingNet& net, const TypedRows& rows, std::size_t layers) {
  const auto least = [](std::int64_t value, std::int64_t bound, const char* what) {
    if (value < bound)
      throw InvalidInput(std::string(what) + ": expected at least " + std::to_string(bound) + ", found " +
                         std::to_string(value));
  };
  least(net.input, 0, "columns of x");
  least(net.layers(), 1, "number of hidden layers");
  for (const std::int64_t width : net.neuron) least(width, 1, "neuron");
  least(rows.nframes, 0, "number of frames");
  for (const std::int64_t count : rows.counts) least(count, 0, "atoms of a type");
  const std::size_t expected = rows.counts.size() * (net.neuron.size() + 1);
  if (layers != expected)
    throw InvalidInput("layers of the fitting: expected " + std::to_string(expected) + " for " +
                       std::to_string(rows.counts.size()) + " types, found " + std::to_string(layers));
}

}  // namespace dp
