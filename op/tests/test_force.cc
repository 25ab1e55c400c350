// Force and virial against plain loops, their transposes by the inner product, all lengths of a row, on every target
// and with any number of threads; the same bits for all of them.
#include <numeric>

#include "check.h"
#include "dp/force.h"
#include "dp/force_virial.h"
#include "dp/virial.h"
#include "system.h"

namespace {

template <class T>
struct Case {
  Case(std::int64_t nframes, int nloc, int nall, int nnei, unsigned seed,
       dp::Components components = dp::Components::full)
      : rows{nframes, nloc, nall, nnei, components} {
    std::mt19937 random(seed);
    std::normal_distribution<double> normal;
    std::uniform_int_distribution<int> atom(-1, nall - 1);
    const std::size_t slots = nframes * nloc * nnei;
    const auto draw = [&](std::size_t n) {
      std::vector<T> values(n);
      for (T& value : values) value = static_cast<T>(normal(random));
      return values;
    };
    net = draw(width(components) * slots), deriv = draw(3 * net.size()), rij = draw(3 * slots);
    grad = draw(3 * nframes * nall), grad_virial = draw(9 * nframes), grad_atom = draw(9 * nframes * nall);
    for (std::size_t k = 0; k < slots; ++k) nlist.push_back(atom(random));
  }
  dp::Rows rows;
  std::vector<T> net, deriv, rij, grad, grad_virial, grad_atom;
  std::vector<std::int32_t> nlist;
};

/// All outputs on one target with some threads.
template <class T>
struct Results {
  Results(const Case<T>& c, const dp::Context& context)
      : force(c.rows.nframes * c.rows.nall * 3), virial(c.rows.nframes * 9), atom_virial(3 * force.size()),
        force_grad(c.net.size()), virial_grad(c.net.size()) {
    dp::force(c.rows, c.net.data(), c.deriv.data(), c.nlist.data(), force.data(), context);
    dp::force_grad(c.rows, c.grad.data(), c.deriv.data(), c.nlist.data(), force_grad.data(), context);
    dp::virial(c.rows, c.net.data(), c.deriv.data(), c.rij.data(), c.nlist.data(), virial.data(),
                 atom_virial.data(), context);
    dp::virial_grad(c.rows, c.grad_virial.data(), c.grad_atom.data(), c.deriv.data(), c.rij.data(), c.nlist.data(),
                    virial_grad.data(), context);
  }
  std::vector<T> force, virial, atom_virial, force_grad, virial_grad;
};

/// Force and virial by the definition.
template <class T>
void against_loops(const Case<T>& c, const Results<T>& found, double tolerance) {
  const int n = width(c.rows.components);
  std::vector<double> force(found.force.size()), virial(found.virial.size()), atom(found.atom_virial.size());
  for (std::size_t slot = 0; slot < c.nlist.size(); ++slot) {
    if (c.nlist[slot] < 0) continue;
    const std::size_t row = slot / c.rows.nnei, frame = row / c.rows.nloc, i = row % c.rows.nloc;
    const std::size_t atoms = frame * c.rows.nall;
    for (int d = 0; d < 3; ++d) {
      double f = 0;
      for (int k = 0; k < n; ++k) f += double(c.net[n * slot + k]) * c.deriv[3 * (n * slot + k) + d];
      force[3 * (atoms + i) + d] -= f;
      force[3 * (atoms + c.nlist[slot]) + d] += f;
      for (int e = 0; e < 3; ++e) {
        virial[9 * frame + 3 * d + e] += f * c.rij[3 * slot + e];
        atom[9 * (atoms + c.nlist[slot]) + 3 * d + e] += f * c.rij[3 * slot + e];
      }
    }
  }
  for (std::size_t k = 0; k < force.size(); ++k) CHECK_NEAR(found.force[k], force[k], tolerance);
  for (std::size_t k = 0; k < virial.size(); ++k) CHECK_NEAR(found.virial[k], virial[k], 10 * tolerance);
  for (std::size_t k = 0; k < atom.size(); ++k) CHECK_NEAR(found.atom_virial[k], atom[k], tolerance);
}

template <class T>
double dot(const std::vector<T>& a, const std::vector<T>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

/// <A net, g> = <net, A^T g>; slots without a neighbour take no part.
template <class T>
void transposes(const Case<T>& c, const Results<T>& r, double tolerance) {
  CHECK_NEAR(dot(r.force, c.grad), dot(c.net, r.force_grad), tolerance);
  CHECK_NEAR(dot(r.virial, c.grad_virial) + dot(r.atom_virial, c.grad_atom), dot(c.net, r.virial_grad), tolerance);
}

/// Force and virial in one pass are the same bits, whatever of them is asked for; so is the sum of the transposes.
template <class T>
void at_once(const Case<T>& c, const Results<T>& r, const dp::Context& context, double tolerance) {
  const auto run = [&](const dp::ForceVirialOutput<T>& out) {
    dp::force_virial<T>(c.rows, c.net.data(), c.deriv.data(), c.rij.data(), c.nlist.data(), out, context);
  };
  std::vector<T> force(r.force.size()), virial(r.virial.size()), atom(r.atom_virial.size()), grad(c.net.size());
  run({force.data(), virial.data(), atom.data()});
  CHECK(force == r.force);
  CHECK(virial == r.virial);
  CHECK(atom == r.atom_virial);
  std::vector<T> force_alone(force.size()), atom_alone(atom.size());
  run({force_alone.data(), nullptr, atom_alone.data()});
  CHECK(force_alone == r.force);
  CHECK(atom_alone == r.atom_virial);
  run({nullptr, nullptr, nullptr});
  dp::force_virial_grad<T>(c.rows, c.grad.data(), c.grad_virial.data(), c.deriv.data(), c.rij.data(), c.nlist.data(),
                           grad.data(), context);
  CHECK_NEAR(dot(r.force, c.grad) + dot(r.virial, c.grad_virial), dot(c.net, grad), tolerance);
}

template <class T>
void compare(std::int64_t nframes, int nloc, int nall, int nnei, dp::Components components, double tolerance) {
  const Case<T> c(nframes, nloc, nall, nnei, 7 + nnei, components);
  dp::ThreadPool one(1), four(4);
  const Results<T> base(c, {one, dp::find_target("baseline")});
  against_loops(c, base, tolerance);
  transposes(c, base, 1000 * tolerance);
  for (const dp::Target* target : dp::targets())
    for (dp::Pool* pool : {&one, &four}) {
      const Results<T> found(c, {*pool, *target});
      CHECK(found.force == base.force);
      CHECK(found.force_grad == base.force_grad);
      CHECK(found.virial == base.virial);
      CHECK(found.atom_virial == base.atom_virial);
      CHECK(found.virial_grad == base.virial_grad);
      at_once(c, base, {*pool, *target}, 1000 * tolerance);
    }
}

void bad_input() {
  Case<double> c(1, 3, 4, 2, 1);
  c.nlist[1] = 4;
  dp::ThreadPool pool(2);
  CHECK_THROWS(Results<double>(c, {pool, dp::find_target()}), "nlist: expected atoms below 4, found 4");
  c.rows.nall = 2;
  CHECK_THROWS(Results<double>(c, {pool, dp::find_target()}), "expected 0 <= local <= all, found 3 local of 2");
}

}  // namespace

TEST_MAIN(
    for (dp::Components components : {dp::Components::full, dp::Components::radial}) {
      for (int nnei = 0; nnei < 18; ++nnei) {
        compare<double>(2, 5, 8, nnei, components, 1e-12);
        compare<float>(2, 5, 8, nnei, components, 1e-4);
      }
      compare<double>(2, 100, 130, 11, components, 1e-12);  // several chunks a frame
      compare<double>(3, 0, 4, 5, components, 1e-12);
      compare<double>(0, 5, 5, 5, components, 1e-12);
    }
    bad_input())
