// The two halves of the datapath for the atoms of one task, and the memory they share.
//
// Numbers of the slots stand side by side for each component, so that loops over slots are loops over vectors; numbers
// with channels have those side by side.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "core/record.h"
#include "nvnmd/map_table.h"
#include "nvnmd/simulate.h"

namespace nvnmd {

constexpr int kBlock = 16;  // atoms of a task: the fitting net multiplies matrices of so many rows
constexpr int kBand = 4;

/// What an atom's derivative needs of its descriptor. m is the number of slots, padded; only the slots that hold a
/// neighbour are filled in, those of one type of neighbours after those of another without gaps.
struct AtomRows {
  explicit AtomRows(int m) : m(m), q(3 * m), u(m), h(m), r4(4 * m), g(kChannels * m), offset(m), slope(m), factor(m) {}
  int m;
  int used = 0;                       ///< slots with a neighbour
  std::vector<double> q, u, h, r4;    ///< [3, m], [m], [m], [4, m]
  std::vector<double> g;              ///< [m, 32]
  std::vector<double> offset;         ///< [m] of s in its interval
  std::vector<const double*> slope;   ///< [m] row of the table of the derivatives by s
  std::vector<const double*> factor;  ///< [m] factors of the types, version 1
  std::vector<std::int32_t> slot;     ///< [used] where the neighbour stands in the lists of the frame
  double gr[4 * kChannels];
};

/// What all atoms share.
struct Shared {
  explicit Shared(const Tables& tables, const Registers& registers);  ///< throws dp::InvalidInput for wrong groups

  const Tables& tables;
  Table switches, features;    ///< where the tables stand
  int nslots = 0, blocks = 0;  ///< of an atom; of the slots by types of neighbours
  /// Version 0: s of an empty slot [T]; its features [T, T, 32] by centre and neighbour.
  std::vector<double> empty_s, empty_g;
};

/// Memory of one thread.
struct Workspace {
  explicit Workspace(const Shared& shared, int atoms = kBlock);
  std::vector<AtomRows> atoms;
  std::vector<double> slots;                   ///< room for numbers of the slots
  std::vector<double> dg;                      ///< [m, 32]
  double x[kBlock * kNodes] = {}, y[kBlock * kNodes] = {}, z[kHidden][kBlock * kNodes] = {};
};

/// Memory that tasks hand on to each other, so that there is one for each thread.
class Workspaces {
 public:
  explicit Workspaces(const Shared& shared, int atoms = kBlock) : shared_(shared), atoms_(atoms) {}

  std::unique_ptr<Workspace> take();
  void give_back(std::unique_ptr<Workspace> work);

 private:
  const Shared& shared_;
  const int atoms_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Workspace>> free_;
};

/// The neighbours of an atom, slot by slot.
struct Around {
  const double* r;            ///< [nslots], vectors to them, `stride` numbers apart
  int stride;
  const std::int32_t* nlist;  ///< [nslots]
  const std::int32_t* type;   ///< of the atoms of the frame
};

/// Descriptor [128] of an atom of type `centre`.
void descriptor(const Shared& shared, int centre, const Around& around, Workspace& work, AtomRows& atom, Record& record,
                double* out);

/// Derivatives by |q|^2 [m] and, through h alone, by q [3, m] of the slots that hold a neighbour.
struct Slopes {
  const double *du, *dq;
};

/// dx [128]: derivative of the energy by the descriptor. What is returned stands in `work`.
Slopes slopes(const Shared& shared, int centre, const double* dx, Workspace& work, const AtomRows& atom, Record& record);

/// The transposed of what slopes does, without truncation: out [128] from numbers by |q|^2 and q.
void slopes_transposed(const Shared& shared, int centre, const Slopes& h, Workspace& work, const AtomRows& atom,
                       double* out);

/// Forces on the neighbours in the place of rij; their sum by r_ij is added to virial [9].
void forces(const Shared& shared, int centre, const double* dx, Workspace& work, const AtomRows& atom, Record& record,
            double* rij, double* virial);

/// Energies [n] of atoms of one type and their derivatives by the descriptor, which stands in work.x [n, 128] in whole
/// numbers of 2^-23 and is replaced.
void fitting(const Model& model, int centre, int n, Workspace& work, Record& record, const dp::Target& target,
             double* energy);

}  // namespace nvnmd
