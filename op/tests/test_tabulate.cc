// Tabulated functions against plain loops, of every width, with and without the rule of empty slots, inside the table
// and outside; the same bits on every target and with any number of threads; what a table must be.
#include "dp/tabulate.h"

#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "check.h"

namespace {

constexpr double kLower = -1, kUpper = 1.5, kMax = 4, kFine = 0.125, kCoarse = 0.5;  // exact in both precisions

template <class T>
struct Case {
  Case(dp::TabulateRows rows, int width, bool symmetric) : rows(rows), width(width) {
    std::mt19937 random(width);
    std::normal_distribution<double> normal;
    const auto draw = [&](std::size_t n) {
      std::vector<T> values(n);
      for (T& value : values) value = static_cast<T>(normal(random));
      return values;
    };
    const int table_rows = 20 + 5 + (symmetric ? 6 : 0);
    const std::size_t slots = rows.ngroups * rows.nrows;
    coefficients = draw(6 * table_rows * width);
    em = draw(4 * slots), two = draw(slots * width), dy = draw(4 * rows.ngroups * width);
    dz_x = draw(slots), dz_em = draw(4 * slots), dz_two = draw(slots * width), dy_slots = draw(slots * width);
    std::uniform_real_distribution<double> uniform(symmetric ? -kMax - 1 : kLower - 1, kMax + 1);
    for (std::size_t j = 0; j < slots; ++j) x.push_back(static_cast<T>(uniform(random)));
    const T edges[] = {T(kLower), T(kUpper), T(kMax), T(-kMax)};
    for (std::size_t j = 0; j < 4 && j < slots; ++j) x[j] = edges[j];
    for (std::int64_t i = 0; rows.sorted && i < rows.ngroups; ++i)  // atom i ends with i empty slots
      for (std::int64_t j = std::max<std::int64_t>(0, rows.nrows - i); j < rows.nrows; ++j) {
        const std::int64_t slot = i * rows.nrows + j;
        x[slot] = T(0.25), em[4 * slot] = T(-0.5), em[4 * slot + 1] = em[4 * slot + 2] = em[4 * slot + 3] = 0;
        for (int k = 0; k < width; ++k) two[slot * width + k] = T(0.1) * k, dz_two[slot * width + k] = T(0.2) * k;
        dz_x[slot] = T(0.3), dz_em[4 * slot] = dz_em[4 * slot + 1] = dz_em[4 * slot + 2] = dz_em[4 * slot + 3] = T(2);
      }
    for (std::int64_t i = 1; rows.sorted && i < rows.ngroups && i < rows.nrows; ++i) {  // and before them one like them
      const std::int64_t slot = (i + 1) * rows.nrows - i - 1;
      x[slot] = T(0.25), em[4 * slot + 1 + i % 3] = em[4 * slot + 1 + (i + 1) % 3] = 0;
    }
    table = {coefficients.data(), table_rows, width,      T(kLower), T(kUpper),
             T(kMax),             T(kFine),   T(kCoarse), symmetric};
  }

  /// f or f' of column k at x by the definition.
  double function(std::int64_t k, double at, bool slope) const {
    double left = kLower, step = kFine, before = 0, low = table.symmetric ? -kMax : kLower;
    const double inner = std::min(std::max(at, low), kMax);
    if (table.symmetric) before = 6;
    if (inner >= kUpper) left = kUpper, step = kCoarse, before += 20;
    if (inner < kLower) left = -kMax, step = kCoarse, before = 0;
    std::int64_t n = std::int64_t(std::floor((inner - left) / step));
    if (inner == kMax) --n;
    const T* a = &coefficients[6 * ((std::int64_t(before) + n) * width + k)];
    const double u = inner - (left + n * step);
    double value = 0, derivative = 0;
    for (int p = 5; p >= 0; --p) value = value * u + double(a[p]);
    for (int p = 5; p >= 1; --p) derivative = derivative * u + p * double(a[p]);
    return slope ? derivative : value + derivative * (at - inner);
  }

  dp::TabulateRows rows;
  int width;
  std::vector<T> coefficients, x, em, two, dy, dz_x, dz_em, dz_two, dy_slots;
  dp::PolynomialTable<T> table;
};

/// Results of all functions, the same names as their outputs.
template <class T>
struct Results {
  /// By the kernels; what they must overwrite is not a number before.
  Results(const Case<T>& c, bool with_two, const dp::Context& context) {
    const std::size_t slots = c.rows.ngroups * c.rows.nrows, sums = c.rows.ngroups * c.width;
    const T nan = std::numeric_limits<T>::quiet_NaN();
    const T* two = with_two ? c.two.data() : nullptr;
    a.assign(4 * sums, nan), dx.assign(slots, nan), dem.assign(4 * slots, nan), dtwo.assign(slots * c.width, nan);
    a2.assign(4 * sums, nan), t.assign(sums, nan), t_dx.assign(slots, nan), t_dem.assign(slots, nan);
    t2.assign(sums, nan), r.assign(slots * c.width, nan), r_dx.assign(slots, nan), r2.assign(slots * c.width, nan);
    if (!c.table.symmetric) {
      dp::tabulate_a(c.table, c.rows, c.x.data(), c.em.data(), two, a.data(), context);
      dp::tabulate_a_grad(c.table, c.rows, c.x.data(), c.em.data(), two, c.dy.data(), dx.data(), dem.data(),
                          with_two ? dtwo.data() : nullptr, context);
      dp::tabulate_a_grad_grad(c.table, c.rows, c.x.data(), c.em.data(), two, c.dz_x.data(), c.dz_em.data(),
                               with_two ? c.dz_two.data() : nullptr, a2.data(), context);
    }
    dp::tabulate_t(c.table, c.rows, c.x.data(), t.data(), context);
    dp::tabulate_t_grad(c.table, c.rows, c.x.data(), c.dy.data(), t_dx.data(), t_dem.data(), context);
    dp::tabulate_t_grad_grad(c.table, c.rows, c.x.data(), c.dz_x.data(), c.dz_em.data(), t2.data(), context);
    dp::tabulate_r(c.table, c.rows, c.x.data(), r.data(), context);
    dp::tabulate_r_grad(c.table, c.rows, c.x.data(), c.dy_slots.data(), r_dx.data(), context);
    dp::tabulate_r_grad_grad(c.table, c.rows, c.x.data(), c.dz_x.data(), r2.data(), context);
  }
  std::vector<T> a, dx, dem, dtwo, a2, t, t_dx, t_dem, t2, r, r_dx, r2;
};

/// The sums of the first form by their definition, where an empty slot is a slot like any other.
template <class T>
void check_a(const Case<T>& c, bool with_two, const Results<T>& found, double tolerance) {
  const std::int64_t m = c.width, n = c.rows.nrows;
  for (std::int64_t i = 0; i < c.rows.ngroups; ++i) {
    const std::int64_t empty = c.rows.sorted ? std::min(i, n) : 0;
    std::vector<double> out(4 * m), out2(4 * m);
    for (std::int64_t j = 0; j < n; ++j) {
      const std::int64_t slot = i * n + j;
      double dx = 0, dem[4] = {};
      // The first empty slot has the derivatives of all of them, the others have none.
      const double weight = j < n - empty || empty == 0 ? 1 : j == n - empty ? empty : 0;
      for (std::int64_t k = 0; k < m; ++k) {
        const double f = c.function(k, c.x[slot], false), df = c.function(k, c.x[slot], true);
        const double factor = with_two ? 1 + double(c.two[slot * m + k]) : 1;
        double along = 0;
        for (int p = 0; p < 4; ++p) {
          const double e = c.em[4 * slot + p], dy = c.dy[(4 * i + p) * m + k];
          along += e * dy;
          dem[p] += f * factor * dy;
          out[p * m + k] += e * f * factor;
          out2[p * m + k] += f * factor * double(c.dz_em[4 * slot + p]) +
                             (df * factor * double(c.dz_x[slot]) +
                              (with_two ? f * double(c.dz_two[slot * m + k]) : 0)) * e;
        }
        dx += df * factor * along;
        if (with_two) CHECK_NEAR(found.dtwo[slot * m + k], weight * f * along, tolerance);
      }
      CHECK_NEAR(found.dx[slot], weight * dx, tolerance);
      for (int p = 0; p < 4; ++p) CHECK_NEAR(found.dem[4 * slot + p], weight * dem[p], tolerance);
    }
    for (std::int64_t k = 0; k < 4 * m; ++k) {
      CHECK_NEAR(found.a[4 * i * m + k], out[k], tolerance);
      CHECK_NEAR(found.a2[4 * i * m + k], out2[k], tolerance);
    }
  }
}

template <class T>
void check_t_and_r(const Case<T>& c, const Results<T>& found, double tolerance) {
  const std::int64_t m = c.width, n = c.rows.nrows;
  for (std::int64_t i = 0; i < c.rows.ngroups; ++i) {
    std::vector<double> t(m), t2(m);
    for (std::int64_t slot = i * n; slot < (i + 1) * n; ++slot) {
      const double x = c.x[slot], dz_x = c.dz_x[slot], dz_em = c.dz_em[slot];
      double dx = 0, dem = 0, r_dx = 0;
      for (std::int64_t k = 0; k < m; ++k) {
        const double f = c.function(k, x, false), df = c.function(k, x, true), dy = c.dy[i * m + k];
        t[k] += x * f;
        t2[k] += dz_em * f + dz_x * df * x;
        dx += df * x * dy;
        dem += f * dy;
        r_dx += df * double(c.dy_slots[slot * m + k]);
        CHECK_NEAR(found.r[slot * m + k], f, tolerance);
        CHECK_NEAR(found.r2[slot * m + k], df * dz_x, tolerance);
      }
      CHECK_NEAR(found.t_dx[slot], dx, tolerance);
      CHECK_NEAR(found.t_dem[slot], dem, tolerance);
      CHECK_NEAR(found.r_dx[slot], r_dx, tolerance);
    }
    for (std::int64_t k = 0; k < m; ++k) {
      CHECK_NEAR(found.t[i * m + k], t[k], tolerance);
      CHECK_NEAR(found.t2[i * m + k], t2[k], tolerance);
    }
  }
}

template <class T>
bool same(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

template <class T>
void compare(dp::TabulateRows rows, int width, bool symmetric, bool with_two, double tolerance) {
  const Case<T> c(rows, width, symmetric);
  dp::ThreadPool one(1), three(3);
  const Results<T> base(c, with_two, {one, dp::find_target("baseline")});
  if (!symmetric) check_a(c, with_two, base, tolerance);
  check_t_and_r(c, base, tolerance);
  for (const dp::Target* target : dp::targets())
    for (dp::Pool* pool : {&one, &three}) {
      const Results<T> found(c, with_two, {*pool, *target});
      CHECK(same(found.a, base.a) && same(found.dx, base.dx) && same(found.dem, base.dem));
      CHECK(same(found.dtwo, base.dtwo) && same(found.a2, base.a2));
      CHECK(same(found.t, base.t) && same(found.t_dx, base.t_dx) && same(found.t_dem, base.t_dem));
      CHECK(same(found.t2, base.t2) && same(found.r, base.r) && same(found.r_dx, base.r_dx) && same(found.r2, base.r2));
    }
}

void bad_tables() {
  dp::ThreadPool pool(1);
  const dp::Context context{pool, dp::find_target()};
  Case<double> c({2, 3, false}, 4, false);
  const auto good = c.table;
  std::vector<double> out(6 * 4);
  const auto run = [&] { dp::tabulate_r(c.table, c.rows, c.x.data(), out.data(), context); };
  c.table.rows = 23;
  CHECK_THROWS(run(), "table: expected a row for each interval of table_info [-1, 1.5, 4, 0.125, 0.5], found 23 rows");
  c.table = good, c.table.fine = 0;
  CHECK_THROWS(run(), "table_info: expected lower <= upper <= max and steps above 0");
  c.table = good, c.table.max = 1;
  CHECK_THROWS(run(), "table_info: expected lower <= upper <= max");
  c.table = good, c.table.max = NAN;
  CHECK_THROWS(run(), "table_info: expected lower <= upper <= max");
  c.table = good, c.table.symmetric = true, c.table.lower = -5;
  CHECK_THROWS(run(), "table_info: expected -max <= lower <= upper <= max");
  c.table = good, c.table.rows = 24;  // one less is rounding: the last polynomial goes on
  run();
  c.table = good, c.x[0] = NAN, c.x[1] = INFINITY;
  run();
  CHECK(std::isnan(out[0]) && !std::isfinite(out[4]));
}

}  // namespace

TEST_MAIN(
    for (int width = 0; width < 36; ++width)
      for (bool symmetric : {false, true})
        for (bool with_two : {false, true}) {
          compare<double>({3, 5, false}, width, symmetric, with_two, 1e-11);
          compare<float>({3, 5, false}, width, symmetric, with_two, 2e-2);
        }
    for (bool with_two : {false, true}) {
      compare<double>({14, 12, true}, 9, false, with_two, 1e-11);
      compare<float>({14, 12, true}, 9, false, with_two, 2e-2);
      compare<double>({2, 700, true}, 5, false, with_two, 1e-10);  // several parts of an atom
      compare<double>({0, 3, true}, 5, false, with_two, 0);
      compare<double>({3, 0, true}, 5, false, with_two, 0);
    }
    compare<double>({300, 7, false}, 8, true, false, 1e-11);  // several tasks
    bad_tables())
