// Tabulated features summed over neighbours, against plain loops; the same bits on every target and with any number of
// threads; rows of every width.
#include "dp/table.h"

#include <random>
#include <vector>

#include "check.h"
#include "sums.h"

namespace {

constexpr int kAtoms = 40;
const std::int32_t kSel[] = {5, 0, 9};
// Knots of two nets: 4 + 6 + 2 intervals, and 20.
const double kGrid[] = {0, -1.0, 0.5, 4, 0.25, 6, 1.0, 2, 13, -0.8, 0.2, 20, 0, 0, 0, 0};
constexpr int kKnots = 34;

template <int C, class T>
struct Case {
  explicit Case(int width) : nets{dp::Slots(kSel, 3), {0, 1, 1, -1, 0, 1, 1, 0, 0}}, sizes{kAtoms, width, kKnots, 2} {
    std::mt19937 random(width);
    std::normal_distribution<double> normal;
    const auto draw = [&](std::size_t n) {
      std::vector<T> values(n);
      for (T& value : values) value = static_cast<T>(normal(random));
      return values;
    };
    const int nnei = nets.slots.total();
    rows = draw(std::size_t(C) * kAtoms * nnei), empty = draw(9 * C), table = draw(std::size_t(3) * kKnots * width);
    dx = draw(std::size_t(C) * kAtoms * width), ddrows = draw(rows.size());
    for (int k = 0; k < kAtoms * nnei; ++k) nlist.push_back(k % 7 == 3 || k < 20 ? -1 : k);
    for (int i = 0; i < kAtoms; ++i) center.push_back(i % 4 - 1);
  }
  dp::TableInput<T> in() const {
    return {rows.data(), nlist.data(), center.data(), empty.data(), table.data(), grid.data()};
  }
  dp::TableNets nets;
  dp::TableSizes sizes;
  std::vector<T> rows, empty, table, dx, ddrows;
  std::vector<std::int32_t> nlist, center;
  std::vector<double> grid{std::begin(kGrid), std::end(kGrid)};
};

/// Value, first and second derivative of feature k of a net at x, by the definition.
struct Feature {
  template <class T>
  Feature(const double* grid, const T* table, std::int64_t width, std::int64_t k, double x) {
    double start = grid[1], h = grid[2];
    int first = static_cast<int>(grid[0]), count = static_cast<int>(grid[3]);
    for (int p = 1; p < 3 && grid[3 + 2 * p] > 0 && x >= start + h * count; ++p) {
      start += h * count, first += count;
      h = grid[2 + 2 * p], count = static_cast<int>(grid[3 + 2 * p]);
    }
    const double at = std::min(std::max(x, start), start + h * count);
    const int number = std::min(static_cast<int>((at - start) / h), count - 1);
    const double u = (at - start) / h - number;
    const auto knot = [&](int row) { return double(table[(3 * (first + number) + row) * width + k]); };
    const double v = knot(0), d = knot(1) * h, e = knot(2) * h * h;
    const double jump = knot(3) - v - d - e / 2, slope = knot(4) * h - d - e, bend = knot(5) * h * h - e;
    const double c3 = 10 * jump - 4 * slope + bend / 2, c4 = -15 * jump + 7 * slope - bend,
                 c5 = 6 * jump - 3 * slope + bend / 2;
    df = (d + u * (e + u * (3 * c3 + u * (4 * c4 + u * 5 * c5)))) / h;
    ddf = at == x ? (e + u * (6 * c3 + u * (12 * c4 + u * 20 * c5))) / (h * h) : 0;
    f = v + u * (d + u * (e / 2 + u * (c3 + u * (c4 + u * c5)))) + df * (x - at);
    outside = at != x;
  }
  double f, df, ddf;
  bool outside;
};

template <int C, class T>
struct Results {
  /// By the kernels; what they must overwrite is not a number before.
  Results(const Case<C, T>& c, const dp::Context& context)
      : x(c.dx.size(), T(NAN)), ddx(x), drows(c.rows.size(), T(NAN)), ddrows(drows), dtable(c.table.size(), T(NAN)),
        ddtable(dtable) {
    outside = dp::table_sum<C, T>(c.sizes, c.nets, c.in(), x.data(), context);
    dp::table_sum_grad<C, T>(c.sizes, c.nets, c.in(), c.dx.data(), {nullptr, drows.data(), dtable.data()}, context);
    dp::table_sum_grad_grad<C, T>(c.sizes, c.nets, c.in(), c.dx.data(), c.ddrows.data(),
                                  {ddx.data(), ddrows.data(), ddtable.data()}, context);
  }

  /// By the definition; the table's derivatives are left out.
  explicit Results(const Case<C, T>& c)
      : x(c.dx.size()), ddx(x), drows(c.rows.size()), ddrows(drows) {
    const std::int64_t m = c.sizes.width, nnei = c.nets.slots.total();
    for (int i = 0; i < kAtoms; ++i)
      for (int type = 0; c.center[i] >= 0 && type < 3; ++type) {
        const int pair = 3 * c.center[i] + type, net = c.nets.nets[pair];
        for (int j = c.nets.slots.begin(type); net >= 0 && j < c.nets.slots.begin(type) + kSel[type]; ++j) {
          const bool real = c.nlist[i * nnei + j] >= 0;
          const std::int64_t slot = C * (i * nnei + j);
          const T* row = real ? &c.rows[slot] : &c.empty[C * pair];
          for (std::int64_t k = 0; k < m; ++k) {
            const Feature net_at(c.grid.data() + 8 * net, c.table.data(), m, k, row[0]);
            if (k == 0) outside += real && net_at.outside;
            for (int a = 0; a < C; ++a) {
              const double factor = C == 1 ? 1 : row[a], dx = c.dx[(C * i + a) * m + k];
              x[(C * i + a) * m + k] += static_cast<T>(factor * net_at.f);
              if (!real) continue;
              const double g0 = c.ddrows[slot], g = C == 1 ? 0 : c.ddrows[slot + a];
              if (C > 1) drows[slot + a] += static_cast<T>(net_at.f * dx);
              drows[slot] += static_cast<T>(factor * net_at.df * dx);
              ddx[(C * i + a) * m + k] += static_cast<T>(g * net_at.f + factor * g0 * net_at.df);
              if (C > 1) ddrows[slot + a] += static_cast<T>(g0 * net_at.df * dx);
              ddrows[slot] += static_cast<T>((g * net_at.df + factor * g0 * net_at.ddf) * dx);
            }
          }
        }
      }
  }
  std::vector<T> x, ddx, drows, ddrows, dtable, ddtable;
  std::int64_t outside = 0;
};

template <int C, class T>
void compare(int width, double tolerance) {
  const Case<C, T> c(width);
  const Results<C, T> expected(c);
  dp::ThreadPool one(1), three(3);
  const Results<C, T> base(c, {one, dp::find_target("baseline")});
  CHECK(base.outside > 0);
  CHECK(width == 0 || base.outside == expected.outside);
  near(base.x, expected.x, tolerance);
  near(base.drows, expected.drows, tolerance);
  near(base.ddx, expected.ddx, tolerance);
  near(base.ddrows, expected.ddrows, 100 * tolerance);
  // x is linear in the table, and so is drows: both derivatives are known along the table itself.
  CHECK_NEAR(dot(base.dtable, c.table), dot(c.dx, expected.x), 100 * tolerance * width);
  CHECK_NEAR(dot(base.ddtable, c.table), dot(c.ddrows, expected.drows), 100 * tolerance * width);
  for (const dp::Target* target : dp::targets())
    for (dp::Pool* pool : {&one, &three}) {
      const Results<C, T> found(c, {*pool, *target});
      CHECK(found.outside == base.outside);
      CHECK(found.x == base.x);
      CHECK(found.drows == base.drows);
      CHECK(found.dtable == base.dtable);
      CHECK(found.ddx == base.ddx);
      CHECK(found.ddrows == base.ddrows);
      CHECK(found.ddtable == base.ddtable);
    }
}

/// Each element of the table's derivative: that of x along a table which is 1 there and 0 elsewhere.
template <int C>
void table_derivative_by_element() {
  Case<C, double> c(3);
  dp::ThreadPool pool(1);
  const dp::Context context{pool, dp::find_target()};
  const Results<C, double> found(c, context);
  for (std::size_t k = 0; k < c.table.size(); ++k) {
    c.table.assign(c.table.size(), 0);
    c.table[k] = 1;
    const Results<C, double> unit(c, context);
    CHECK_NEAR(found.dtable[k], dot(c.dx, unit.x), 1e-10);
    CHECK_NEAR(found.ddtable[k], dot(c.ddrows, unit.drows), 1e-10);
  }
}

/// An output that is null is left out and changes nothing else.
void outputs_alone() {
  const Case<4, double> c(9);
  dp::ThreadPool pool(1);
  const dp::Context context{pool, dp::find_target()};
  const Results<4, double> all(c, context);
  std::vector<double> rows(c.rows.size()), table(c.table.size()), x(c.dx.size());
  dp::table_sum_grad<4, double>(c.sizes, c.nets, c.in(), c.dx.data(), {nullptr, rows.data(), nullptr}, context);
  CHECK(rows == all.drows);
  dp::table_sum_grad<4, double>(c.sizes, c.nets, c.in(), c.dx.data(), {nullptr, nullptr, table.data()}, context);
  CHECK(table == all.dtable);
  const auto second = [&](const dp::TableGrad<double>& grad) {
    dp::table_sum_grad_grad<4, double>(c.sizes, c.nets, c.in(), c.dx.data(), c.ddrows.data(), grad, context);
  };
  second({x.data(), nullptr, nullptr});
  CHECK(x == all.ddx);
  second({nullptr, rows.data(), nullptr});
  CHECK(rows == all.ddrows);
  second({nullptr, nullptr, table.data()});
  CHECK(table == all.ddtable);
}

void bad_input() {
  Case<4, double> c(2);
  dp::ThreadPool pool(1);
  const dp::Context context{pool, dp::find_target()};
  const auto refused = [&](int entry, double value) {
    c.grid.assign(std::begin(kGrid), std::end(kGrid));
    c.grid[entry] = value;
    return Results<4, double>(c, context);
  };
  CHECK_THROWS(refused(8, 14), "grid[1]: expected knots within 34, found 35");
  CHECK_THROWS(refused(0, -1), "grid[0]: expected first knot of 34, found -1");
  CHECK_THROWS(refused(1, NAN), "grid[0]: expected x0 finite, found nan");
  CHECK_THROWS(refused(2, 0), "grid[0]: expected length of an interval above 0 and finite, found 0");
  CHECK_THROWS(refused(2, NAN), "grid[0]: expected length of an interval above 0 and finite, found nan");
  CHECK_THROWS(refused(10, 1e308), "grid[1]: expected last knot finite, found inf");
  CHECK_THROWS(refused(11, 0), "grid[1]: expected intervals of 1 or more, found 0");
  CHECK_THROWS(refused(11, 1e300), "grid[1]: expected intervals within 34 knots, found 1e+300");
  c.nets.nets[4] = 2;
  CHECK_THROWS(refused(0, 0), "nets: expected numbers below the 2 rows of grid, found 2");
  c.nets.nets.pop_back();
  CHECK_THROWS(refused(0, 0), "nets: expected a net for each of 3 x 3 pairs of types, found 8");
  c = Case<4, double>(2);
  c.center[7] = 3;
  CHECK_THROWS(refused(0, 0), "center: expected types below 3, found 3 of atom 7");
}

}  // namespace

TEST_MAIN(
    for (int width = 0; width < 21; ++width) {
      compare<4, double>(width, 1e-12);
      compare<8, double>(width, 1e-12);
      compare<1, double>(width, 1e-12);
      compare<4, float>(width, 1e-3);
      compare<8, float>(width, 1e-3);
      compare<1, float>(width, 1e-3);
    }
    for (int width : {50, 100}) {
      compare<4, double>(width, 1e-12);
      compare<8, double>(width, 1e-12);
      compare<1, double>(width, 1e-12);
      compare<4, float>(width, 1e-3);
      compare<8, float>(width, 1e-3);
      compare<1, float>(width, 1e-3);
    }
    table_derivative_by_element<1>();
    table_derivative_by_element<4>();
    table_derivative_by_element<8>();
    outputs_alone();
    bad_input())
