// Tabulated features summed over pairs of neighbours: against plain loops for a feature whose table is exact, a cubic;
// the same bits on every target and with any number of threads; rows of every width.
#include <random>
#include <vector>

#include "check.h"
#include "cubic.h"
#include "dp/table.h"
#include "sums.h"

namespace {

constexpr int kAtoms = 11;
const std::int32_t kSel[] = {16, 0, 21};

template <class T>
struct Case {
  explicit Case(int width, double size = 0.8)
      : nets{dp::Slots(kSel, 3), {0, 1, 1, 0, 0, 1, -1, 0, 0}}, sizes{kAtoms, width, kCubicKnots, 2} {
    std::mt19937 random(width);
    std::uniform_real_distribution<double> uniform(-size, size);
    const auto draw = [&](std::size_t n) {
      std::vector<T> values(n);
      for (T& value : values) value = static_cast<T>(uniform(random));
      return values;
    };
    const int nnei = nets.slots.total();
    rows = draw(4 * kAtoms * nnei), ddrows = draw(rows.size()), dx = draw(std::size_t(kAtoms) * width);
    make_cubic_table(width, &grid, &table);
    for (int k = 0; k < kAtoms * nnei; ++k) nlist.push_back(k % 7 == 3 || k < 20 ? -1 : k);
    for (int i = 0; i < kAtoms; ++i) center.push_back(i % 4 - 1);
  }
  dp::TableInput<T> in() const {
    return {rows.data(), nlist.data(), center.data(), nullptr, table.data(), grid.data()};
  }
  dp::TableNets nets;
  dp::TableSizes sizes;
  std::vector<T> rows, table, dx, ddrows;
  std::vector<std::int32_t> nlist, center;
  std::vector<double> grid;
};

template <class T>
struct Results {
  Results(const Case<T>& c, const dp::Context& context)
      : x(c.dx.size(), T(NAN)), ddx(x), drows(c.rows.size(), T(NAN)), ddrows(drows), dtable(c.table.size(), T(NAN)),
        ddtable(dtable) {
    outside = dp::table_three_body<T>(c.sizes, c.nets, c.in(), x.data(), context);
    dp::table_three_body_grad<T>(c.sizes, c.nets, c.in(), c.dx.data(), {nullptr, drows.data(), dtable.data()},
                                 context);
    dp::table_three_body_grad_grad<T>(c.sizes, c.nets, c.in(), c.dx.data(), c.ddrows.data(),
                                      {ddx.data(), ddrows.data(), ddtable.data()}, context);
  }

  /// By the definition, all ordered pairs; the table's derivatives are left out.
  explicit Results(const Case<T>& c) : x(c.dx.size()), ddx(x), drows(c.rows.size()), ddrows(drows) {
    const dp::Slots& slots = c.nets.slots;
    for (int i = 0; i < kAtoms; ++i)
      for (int pair = 0; c.center[i] >= 0 && pair < 9; ++pair) {
        const int ti = pair / 3, tj = pair % 3;
        if (ti > tj || c.nets.nets[pair] < 0) continue;
        for (int j = slots.begin(ti); j < slots.begin(ti) + kSel[ti]; ++j)
          for (int l = slots.begin(tj); l < slots.begin(tj) + kSel[tj]; ++l)
            if (c.nlist[i * slots.total() + j] >= 0 && c.nlist[i * slots.total() + l] >= 0)
              add(c, i, i * slots.total() + j, i * slots.total() + l, c.nets.nets[pair], 1.0 / (kSel[ti] * kSel[tj]));
      }
  }

  void add(const Case<T>& c, int i, int j, int l, int net, double scale) {
    const T *a = &c.rows[4 * j], *b = &c.rows[4 * l], *da = &c.ddrows[4 * j], *db = &c.ddrows[4 * l];
    double e = 0, de = 0, slope = 0, bend = 0;
    for (int d = 1; d < 4; ++d) e += double(a[d]) * b[d], de += double(a[d]) * db[d] + double(da[d]) * b[d];
    for (int k = 0; k < c.sizes.width; ++k) {
      const Cubic f(net, k);
      const double dx = c.dx[i * c.sizes.width + k] * scale, change = f.value(e) + e * f.slope(e);
      x[i * c.sizes.width + k] += static_cast<T>(scale * e * f.value(e));
      ddx[i * c.sizes.width + k] += static_cast<T>(scale * change * de);
      slope += change * dx;
      bend += (2 * f.slope(e) + e * f.bend(e)) * dx;
    }
    for (int d = 1; d < 4; ++d) {
      drows[4 * j + d] += static_cast<T>(slope * b[d]), drows[4 * l + d] += static_cast<T>(slope * a[d]);
      ddrows[4 * j + d] += static_cast<T>(bend * de * b[d] + slope * db[d]);
      ddrows[4 * l + d] += static_cast<T>(bend * de * a[d] + slope * da[d]);
    }
  }
  std::vector<T> x, ddx, drows, ddrows, dtable, ddtable;
  std::int64_t outside = 0;
};

template <class T>
void compare(int width, double tolerance) {
  const Case<T> c(width);
  const Results<T> expected(c);
  dp::ThreadPool one(1), three(3);
  const Results<T> base(c, {one, dp::find_target("baseline")});
  CHECK(base.outside == 0);
  near(base.x, expected.x, tolerance);
  near(base.drows, expected.drows, tolerance);
  near(base.ddx, expected.ddx, tolerance);
  near(base.ddrows, expected.ddrows, 10 * tolerance);
  CHECK_NEAR(dot(base.dtable, c.table), dot(c.dx, expected.x), 100 * tolerance);
  CHECK_NEAR(dot(base.ddtable, c.table), dot(c.ddrows, expected.drows), 100 * tolerance);
  for (const dp::Target* target : dp::targets())
    for (dp::Pool* pool : {&one, &three}) {
      const Results<T> found(c, {*pool, *target});
      CHECK(found.x == base.x);
      CHECK(found.drows == base.drows);
      CHECK(found.dtable == base.dtable);
      CHECK(found.ddx == base.ddx);
      CHECK(found.ddrows == base.ddrows);
      CHECK(found.ddtable == base.ddtable);
    }
}

/// Rows so long that some products leave the knots; each pair counts once.
void outside() {
  Case<double> c(1, 2.0);
  const dp::Slots& slots = c.nets.slots;
  std::int64_t expected = 0;
  for (int i = 0; i < kAtoms; ++i)
    for (int j = 0; c.center[i] >= 0 && j < slots.total(); ++j)
      for (int l = j; l < slots.total(); ++l) {
        const int a = i * slots.total() + j, b = i * slots.total() + l;
        if (c.nlist[a] < 0 || c.nlist[b] < 0) continue;
        double e = 0;
        for (int d = 1; d < 4; ++d) e += c.rows[4 * a + d] * c.rows[4 * b + d];
        expected += e < -3 || e > 3.5;
      }
  dp::ThreadPool pool(1);
  CHECK(expected > 0);
  CHECK(Results<double>(c, {pool, dp::find_target()}).outside == expected);
}

}  // namespace

TEST_MAIN(
    for (int width = 0; width < 21; ++width) {
      compare<double>(width, 1e-12);
      compare<float>(width, 1e-4);
    }
    for (int width : {50, 100}) {
      compare<double>(width, 1e-12);
      compare<float>(width, 1e-4);
    }
    outside())
