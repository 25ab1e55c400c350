// Tabulated features with a factor per neighbour and feature: against plain loops for cubics, whose tables are exact;
// the same bits on every target and with any number of threads; rows of every width; outputs one by one.
#include <algorithm>
#include <random>
#include <vector>

#include "check.h"
#include "cubic.h"
#include "dp/table.h"
#include "sums.h"

namespace {

constexpr int kAtoms = 40;
const std::int32_t kSel[] = {6, 0, 9};

template <class T>
struct Case {
  explicit Case(int width)
      : nets{dp::Slots(kSel, 3), {0, 1, 1, -1, 0, 1, 1, 0, 0}}, sizes{kAtoms, width, kCubicKnots, 2} {
    std::mt19937 random(width);
    std::uniform_real_distribution<double> uniform(-1.5, 1.5);
    const auto draw = [&](std::size_t n) {
      std::vector<T> values(n);
      for (T& value : values) value = static_cast<T>(uniform(random));
      return values;
    };
    const std::size_t slots = std::size_t(kAtoms) * nets.slots.total();
    rows = draw(4 * slots), ddrows = draw(4 * slots), factor = draw(slots * width), ddfactor = draw(slots * width);
    dx = draw(std::size_t(4) * kAtoms * width);
    make_cubic_table(width, &grid, &table);
    for (std::size_t k = 0; k < slots; ++k) nlist.push_back(k % 7 == 3 || k < 20 ? -1 : 0);
    for (int i = 0; i < kAtoms; ++i) center.push_back(i % 4 - 1);
  }
  dp::TableInput<T> in() const {
    return {rows.data(), nlist.data(), center.data(), nullptr, table.data(), grid.data()};
  }
  dp::TableNets nets;
  dp::TableSizes sizes;
  std::vector<T> rows, ddrows, factor, ddfactor, dx, table;
  std::vector<std::int32_t> nlist, center;
  std::vector<double> grid;
};

/// Derivatives of one order.
template <class T>
struct Derivatives {
  explicit Derivatives(const Case<T>& c, T fill = 0)
      : x(c.dx.size(), fill), rows(c.rows.size(), fill), factor(c.factor.size(), fill), table(c.table.size(), fill) {}
  bool operator==(const Derivatives& other) const {
    return x == other.x && rows == other.rows && factor == other.factor && table == other.table;
  }
  std::vector<T> x, rows, factor, table;
};

template <class T>
struct Results {
  Results(const Case<T>& c, const dp::Context& context) : first(c, T(NAN)), second(c, T(NAN)) {
    dp::table_factor<T>(c.sizes, c.nets, c.in(), c.factor.data(), first.x.data(), context);
    dp::table_factor_grad<T>(c.sizes, c.nets, c.in(), c.factor.data(), c.dx.data(),
                             {nullptr, first.rows.data(), first.factor.data(), first.table.data()}, context);
    dp::table_factor_grad_grad<T>(
        c.sizes, c.nets, c.in(), c.factor.data(), c.dx.data(), c.ddrows.data(), c.ddfactor.data(),
        {second.x.data(), second.rows.data(), second.factor.data(), second.table.data()}, context);
  }

  /// By the definition; the table's derivatives are left out.
  explicit Results(const Case<T>& c) : first(c), second(c) {
    const dp::Slots& slots = c.nets.slots;
    for (int i = 0; i < kAtoms; ++i)
      for (int type = 0; c.center[i] >= 0 && type < 3; ++type)
        for (int j = slots.begin(type); j < slots.begin(type) + kSel[type]; ++j)
          if (c.nlist[i * slots.total() + j] >= 0 && c.nets.nets[3 * c.center[i] + type] >= 0)
            for (int k = 0; k < c.sizes.width; ++k)
              add(c, i, i * slots.total() + j, k, c.nets.nets[3 * c.center[i] + type]);
  }

  /// One neighbour and feature: x[a] += row[a] f(row[0]) (1 + t).
  void add(const Case<T>& c, int i, int slot, int k, int net) {
    const std::int64_t m = c.sizes.width;
    const T *row = c.rows.data() + 4 * slot, *along = c.ddrows.data() + 4 * slot;
    const Cubic cubic(net, k);
    const double f = cubic.value(row[0]), df = cubic.slope(row[0]), ddf = cubic.bend(row[0]);
    const double t = 1 + double(c.factor[slot * m + k]), u = c.ddfactor[slot * m + k], g = along[0];
    double y = 0, z = 0;
    for (int a = 0; a < 4; ++a) {
      const double dx = c.dx[(4 * i + a) * m + k];
      y += row[a] * dx, z += along[a] * dx;
      first.x[(4 * i + a) * m + k] += static_cast<T>(row[a] * f * t);
      first.rows[4 * slot + a] += static_cast<T>(f * t * dx);
      second.x[(4 * i + a) * m + k] += static_cast<T>(t * f * along[a] + (t * g * df + u * f) * row[a]);
      second.rows[4 * slot + a] += static_cast<T>((t * g * df + u * f) * dx);
    }
    first.rows[4 * slot] += static_cast<T>(df * t * y);
    first.factor[slot * m + k] = static_cast<T>(f * y);
    second.rows[4 * slot] += static_cast<T>(t * df * z + (t * g * ddf + u * df) * y);
    second.factor[slot * m + k] = static_cast<T>(f * z + g * df * y);
  }
  Derivatives<T> first, second;
};

template <class T>
void compare(int width, double tolerance) {
  const Case<T> c(width);
  const Results<T> expected(c);
  dp::ThreadPool one(1), three(3);
  const Results<T> base(c, {one, dp::find_target("baseline")});
  near(base.first.x, expected.first.x, tolerance);
  near(base.first.rows, expected.first.rows, tolerance);
  near(base.first.factor, expected.first.factor, tolerance);
  near(base.second.x, expected.second.x, tolerance);
  near(base.second.rows, expected.second.rows, 10 * tolerance);
  near(base.second.factor, expected.second.factor, tolerance);
  // Linear in the table: its derivatives are known along the table itself.
  CHECK_NEAR(dot(base.first.table, c.table), dot(c.dx, expected.first.x), 100 * tolerance * width);
  CHECK_NEAR(dot(base.second.table, c.table),
             dot(c.ddrows, expected.first.rows) + dot(c.ddfactor, expected.first.factor), 100 * tolerance * width);
  for (const dp::Target* target : dp::targets())
    for (dp::Pool* pool : {&one, &three}) {
      const Results<T> found(c, {*pool, *target});
      CHECK(found.first == base.first);
      CHECK(found.second == base.second);
    }
}

/// An output that is null is left out and changes nothing else; each element of the table's derivatives.
void one_by_one() {
  Case<double> c(3);
  dp::ThreadPool pool(1);
  const dp::Context context{pool, dp::find_target()};
  const Results<double> all(c, context);
  Derivatives<double> first(c), second(c);
  for (int which = 0; which < 4; ++which) {
    const auto only = [&](Derivatives<double>& to) {
      return dp::FactorGrad<double>{which == 0 ? to.x.data() : nullptr, which == 1 ? to.rows.data() : nullptr,
                                    which == 2 ? to.factor.data() : nullptr, which == 3 ? to.table.data() : nullptr};
    };
    dp::table_factor_grad<double>(c.sizes, c.nets, c.in(), c.factor.data(), c.dx.data(), only(first), context);
    dp::table_factor_grad_grad<double>(c.sizes, c.nets, c.in(), c.factor.data(), c.dx.data(), c.ddrows.data(),
                                       c.ddfactor.data(), only(second), context);
  }
  first.x = all.first.x;  // which is not a derivative
  CHECK(first == all.first);
  CHECK(second == all.second);
  for (std::size_t k = 0; k < c.table.size(); ++k) {
    std::fill(c.table.begin(), c.table.end(), 0.0);
    c.table[k] = 1;
    const Results<double> unit(c, context);
    CHECK_NEAR(all.first.table[k], dot(c.dx, unit.first.x), 1e-10);
    CHECK_NEAR(all.second.table[k], dot(c.ddrows, unit.first.rows) + dot(c.ddfactor, unit.first.factor), 1e-10);
  }
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
    one_by_one())
