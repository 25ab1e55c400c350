// Tabulated features row by row: against plain loops for cubics, whose tables are exact; the same bits with any number
// of threads and on all targets with fused multiply-adds; rows of every width; outputs one by one; wrong inputs.
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "check.h"
#include "cubic.h"
#include "dp/table_rows.h"
#include "sums.h"

namespace {

template <class T>
struct Case {
  explicit Case(int width, int nrows = 700) : sizes{nrows, width, kCubicKnots, 2} {
    std::mt19937 random(width);
    std::uniform_real_distribution<double> inside(-2.9, 3.4), number(-1, 1);
    for (int r = 0; r < nrows; ++r) {
      x.push_back(static_cast<T>(r % 3 ? inside(random) : 0.3 * number(random)));  // some intervals hold many rows
      net.push_back(r % 5 == 0);
      ddx.push_back(static_cast<T>(number(random)));
      for (int k = 0; k < width; ++k) dy.push_back(static_cast<T>(number(random)));
    }
    make_cubic_table(width, &grid, &table);
  }
  dp::TableRowsInput<T> in() const { return {x.data(), net.data(), table.data(), grid.data()}; }

  dp::TableRows sizes;
  std::vector<T> x, ddx, dy, table;
  std::vector<std::int32_t> net;
  std::vector<double> grid;
};

template <class T>
struct Results {
  Results(const Case<T>& c, const dp::Context& context)
      : y(c.dy.size(), T(NAN)), ddy(y), dx(c.x.size(), T(NAN)), dx2(dx), dtable(c.table.size(), T(NAN)),
        dtable2(dtable) {
    outside = dp::table_rows<T>(c.sizes, c.in(), y.data(), context);
    dp::table_rows_grad<T>(c.sizes, c.in(), c.dy.data(), dx.data(), dtable.data(), context);
    dp::table_rows_grad_grad<T>(c.sizes, c.in(), c.dy.data(), c.ddx.data(), ddy.data(), dx2.data(), dtable2.data(),
                                context);
  }
  /// By the closed forms; the derivatives by the table are left out.
  explicit Results(const Case<T>& c) : y(c.dy.size()), ddy(y), dx(c.x.size()), dx2(dx) {
    for (std::int64_t r = 0; r < c.sizes.nrows; ++r)
      for (std::int64_t k = 0; k < c.sizes.width; ++k) {
        const std::int64_t at = r * c.sizes.width + k;
        const Cubic cubic(c.net[r], k);
        y[at] = static_cast<T>(cubic.value(c.x[r]));
        ddy[at] = static_cast<T>(c.ddx[r] * cubic.slope(c.x[r]));
        dx[r] += static_cast<T>(c.dy[at] * cubic.slope(c.x[r]));
        dx2[r] += static_cast<T>(c.ddx[r] * c.dy[at] * cubic.bend(c.x[r]));
      }
  }
  bool operator==(const Results& o) const {
    return y == o.y && ddy == o.ddy && dx == o.dx && dx2 == o.dx2 && dtable == o.dtable && dtable2 == o.dtable2;
  }
  std::vector<T> y, ddy, dx, dx2, dtable, dtable2;
  std::int64_t outside = 0;
};

template <class T>
void compare(int width, double tolerance) {
  const Case<T> c(width);
  const Results<T> expected(c);
  dp::ThreadPool one(1), three(3);
  for (const dp::Target* target : dp::targets()) {
    const Results<T> found(c, {one, *target});
    near(found.y, expected.y, tolerance);
    near(found.ddy, expected.ddy, tolerance);
    near(found.dx, expected.dx, tolerance * (1 + width));
    near(found.dx2, expected.dx2, 10 * tolerance * (1 + width));
    CHECK(found.outside == 0);
    // Linear in the table: its derivatives are known along the table itself.
    CHECK_NEAR(dot(found.dtable, c.table), dot(c.dy, expected.y), 1000 * tolerance * (1 + width));
    CHECK_NEAR(dot(found.dtable2, c.table), dot(c.ddx, expected.dx), 1000 * tolerance * (1 + width));
    CHECK(Results<T>(c, {three, *target}) == found);
  }
}

/// An output that is null is left out and changes nothing else; each element of the derivatives by the table.
void one_by_one() {
  Case<double> c(3, 90);
  dp::ThreadPool pool(1);
  const dp::Context context{pool, dp::find_target()};
  const Results<double> all(c, context);
  Results<double> found(all);
  found.dx.assign(90, NAN), found.dx2 = found.dx, found.ddy.assign(270, NAN);
  found.dtable.assign(c.table.size(), NAN), found.dtable2 = found.dtable;
  const double *dy = c.dy.data(), *ddx = c.ddx.data();
  dp::table_rows_grad<double>(c.sizes, c.in(), dy, found.dx.data(), nullptr, context);
  dp::table_rows_grad<double>(c.sizes, c.in(), dy, nullptr, found.dtable.data(), context);
  dp::table_rows_grad_grad<double>(c.sizes, c.in(), dy, ddx, found.ddy.data(), nullptr, nullptr, context);
  dp::table_rows_grad_grad<double>(c.sizes, c.in(), dy, ddx, nullptr, found.dx2.data(), nullptr, context);
  dp::table_rows_grad_grad<double>(c.sizes, c.in(), dy, ddx, nullptr, nullptr, found.dtable2.data(), context);
  CHECK(found == all);
  for (std::size_t k = 0; k < c.table.size(); ++k) {
    std::fill(c.table.begin(), c.table.end(), 0.0);
    c.table[k] = 1;
    const Results<double> unit(c, context);
    CHECK_NEAR(all.dtable[k], dot(c.dy, unit.y), 1e-10);
    CHECK_NEAR(all.dtable2[k], dot(c.ddx, unit.dx), 1e-10);
  }
}

/// Beyond the ends it goes on as a straight line, and such rows are counted.
void beyond() {
  Case<double> c(2, 3);
  c.x = {-5, 4.5, 0}, c.net = {0, 1, 0};
  dp::ThreadPool pool(1);
  const dp::Context context{pool, dp::find_target()};
  const Results<double> found(c, context);
  CHECK(found.outside == 2);
  const Cubic left(0, 1), right(1, 1);
  CHECK_NEAR(found.y[1], left.value(-3) - 2 * left.slope(-3), 1e-12);
  CHECK_NEAR(found.y[3], right.value(3.5) + right.slope(3.5), 1e-12);
  CHECK_NEAR(found.dx2[0], 0, 0);
  c.x = {-2 - 1e-9, 3.5 + 1e-9, std::numeric_limits<double>::quiet_NaN()};
  CHECK(Results<double>(c, context).outside == 1);  // rounding is not beyond, what is not a number is
}

void refusals() {
  dp::ThreadPool pool(1);
  const dp::Context context{pool, dp::find_target()};
  std::vector<double> y(20);
  Case<double> c(2, 10);
  c.net[4] = 2;
  CHECK_THROWS(dp::table_rows<double>(c.sizes, c.in(), y.data(), context),
               "net[4]: expected a number below the 2 rows of grid, found 2");
  c.net[4] = -1;
  CHECK_THROWS(dp::table_rows<double>(c.sizes, c.in(), y.data(), context), "found -1");
  Case<double> d(2, 10);
  d.grid[0] = 15;
  CHECK_THROWS(dp::table_rows<double>(d.sizes, d.in(), y.data(), context), "grid[0]");
}

}  // namespace

TEST_MAIN(
    for (int width = 0; width < 21; ++width) {
      compare<double>(width, 1e-12);
      compare<float>(width, 1e-4);
    }
    for (int width : {50, 100, 384}) {
      compare<double>(width, 1e-12);
      compare<float>(width, 1e-4);
    }
    one_by_one();
    beyond();
    refusals())
