// Two nets whose features are cubics: their Hermite tables are exact, so closed forms tell what an op must give.
#pragma once

#include <cstdint>
#include <vector>

/// Feature k of net n is the cubic p(E) = a + b E + c E^2 + d E^3 with these numbers.
struct Cubic {
  Cubic(int net, std::int64_t k) : a(0.5 + net), b(1 - 0.1 * k), c(0.3 * net - 0.2), d(0.05 * (k % 5)) {}
  double value(double x) const { return a + x * (b + x * (c + x * d)); }
  double slope(double x) const { return b + x * (2 * c + x * 3 * d); }
  double bend(double x) const { return 2 * c + 6 * d * x; }
  double a, b, c, d;
};

constexpr int kCubicKnots = 24;  ///< of both nets, from -3 to 3.5

/// The table [kCubicKnots, 3, width] of both nets, and its grid with intervals of three lengths.
template <class T>
void make_cubic_table(int width, std::vector<double>* grid, std::vector<T>* table) {
  for (int net = 0; net < 2; ++net) {
    grid->insert(grid->end(), {12.0 * net, -3, 1, 4, 0.5, 3, 0.25, 4});
    double x = -3;
    for (int k = 0; k < 12; ++k) {
      for (int i = 0; i < width; ++i) table->push_back(static_cast<T>(Cubic(net, i).value(x)));
      for (int i = 0; i < width; ++i) table->push_back(static_cast<T>(Cubic(net, i).slope(x)));
      for (int i = 0; i < width; ++i) table->push_back(static_cast<T>(Cubic(net, i).bend(x)));
      x += k < 4 ? 1 : k < 7 ? 0.5 : 0.25;
    }
  }
}
