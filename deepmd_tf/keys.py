"""The vocabulary: every array of the program by name, shape, unit and dtype.

Conventions
-----------
- Energies in eV, lengths in Å, hence forces in eV/Å and virials in eV.
- The rows of ``box`` are the lattice vectors: ``box = (a_x a_y a_z b_x b_y b_z c_x c_y c_z)``, and the image of an
  atom in cell ``n`` lies at ``R + n @ box``.
- ``virial[3*d + e] = sum over neighbours of f_j[d] * r_ij[e]`` with ``r_ij = R_j - R_i`` and ``f_j`` the force that
  the energy of atom ``i`` exerts on ``j``; it equals minus ``dE/dh`` contracted with ``h``, the box. The stress is
  ``-virial / volume``.
- Relative vectors point from the centre atom to the neighbour.
- In memory the atoms of a system are sorted by type, stably, in every array that has one entry per atom. Folders of
  the mixed-type format keep their own order. Messages count atoms and frames from 0, as they stand in the file.
- A type of -1 marks a virtual atom: it has no neighbours, no energy and no force.

Symbols: ``nf`` frames, ``N`` atoms of a frame, ``nnei`` neighbour slots of an atom (the sum of ``sel``), ``ntypes``
atom types, ``ngen`` generalised coordinates.

On disk an array is ``set.*/NAME.npy``, a dataset of that name in HDF5, or ``NAME.raw`` beside ``type.raw`` with one
frame per line. Files called ``atom_X`` and ``atomic_X`` mean the same.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Array:
    """What an array of the program holds.

    Attributes
    ----------
    name : str
        The key under which batches, placeholders and messages know it.
    shape : str
        Its shape in memory, in the symbols of the module.
    dtype : str
        Its dtype in memory; "interface" is float64, or float32 on request (see :mod:`deepmd_tf.precision`).
    per : str
        What it has one entry for: "set", "frame", "atom" or "pair".
    unit : str
        "eV", "Å", ... or "" for a pure number.
    meaning : str
        One sentence.
    stored : bool
        Whether it is read from a data folder.
    """

    name: str
    shape: str
    dtype: str
    per: str
    unit: str
    meaning: str
    stored: bool = False

    @property
    def files(self) -> tuple[str, ...]:
        """The names under which a data folder may hold it, without suffix; none if it is never stored."""
        return file_names(self.name) if self.stored else ()


ARRAYS: dict[str, Array] = {}


def _stored(name, shape, dtype, per, unit, meaning) -> str:
    ARRAYS[name] = Array(name, shape, dtype, per, unit, meaning, stored=True)
    return name


def _computed(name, shape, dtype, per, unit, meaning) -> str:
    ARRAYS[name] = Array(name, shape, dtype, per, unit, meaning)
    return name


# == geometry ==
COORD = _stored("coord", "[nf, N*3]", "interface", "atom", "Å", "positions, not necessarily inside the cell")
BOX = _stored("box", "[nf, 9]", "interface", "frame", "Å", "lattice vectors as rows; zeros without periodicity")
TYPE = _computed("type", "[nf, N]", "int32", "atom", "", "index into the model's type_map; -1 for a virtual atom")
REAL_ATOM_TYPES = _stored("real_atom_types", "[nf, N]", "int32", "atom", "", "types of each frame, mixed-type format")
NATOMS = _computed("natoms", "[2+ntypes]", "int32", "set", "", "local atoms, all atoms, then atoms of each type")
MESH = _computed("mesh", "[6|0|7|1]", "int32", "set", "", "zeros; the length says periodic and mixed type")

# == labels ==
ENERGY = _stored("energy", "[nf, 1]", "float64", "frame", "eV", "potential energy")
FORCE = _stored("force", "[nf, N*3]", "interface", "atom", "eV/Å", "minus the gradient of the energy")
VIRIAL = _stored("virial", "[nf, 9]", "interface", "frame", "eV", "virial, see the conventions")
ATOM_ENER = _stored("atom_ener", "[nf, N]", "interface", "atom", "eV", "energy of each atom")
ATOM_PREF = _stored("atom_pref", "[nf, N*3]", "interface", "atom", "", "weight of the force error of each atom")
ATOM_ENER_COEFF = _stored("atom_ener_coeff", "[nf, N]", "interface", "atom", "", "weight of each atom in the energy")
DRDQ = _stored("drdq", "[nf, N*3*ngen]", "interface", "atom", "Å", "derivative of positions by generalised coordinates")

# == inputs besides the geometry, bookkeeping ==
FPARAM = _stored("fparam", "[nf, numb_fparam]", "interface", "frame", "", "frame parameters")
APARAM = _stored("aparam", "[nf, N*numb_aparam]", "interface", "atom", "", "atomic parameters")
NUMB_COPY = _stored("numb_copy", "[nf]", "int64", "frame", "", "how often a frame stands in an epoch")

# == neighbourhoods ==
NLIST = _computed(
    "nlist", "[nf, N*nnei]", "int32", "pair", "", "neighbours by type, then distance; -1 for an empty slot"
)
RIJ = _computed("rij", "[nf, N*nnei*3]", "interface", "pair", "Å", "vectors to the neighbours")
DESCRPT = _computed("descrpt", "[nf, N*nnei*4]", "interface", "pair", "", "environment matrix, (s, s*r/|r|) normalised")
DESCRPT_DERIV = _computed(
    "descrpt_deriv", "[nf, N*nnei*12]", "interface", "pair", "1/Å", "environment matrix by the centre's position"
)
DAVG = _computed("davg", "[ntypes, nnei*4]", "interface", "pair", "", "mean of the environment matrix")
DSTD = _computed("dstd", "[ntypes, nnei*4]", "interface", "pair", "", "scale of the environment matrix")
DESCRIPTOR = _computed("descriptor", "[nf, N, ndescrpt]", "network", "atom", "", "what a fitting net sees of an atom")

# == predictions ==
ATOM_ENERGY = _computed("atom_energy", "[nf, N]", "interface", "atom", "eV", "predicted energy of each atom")
ATOM_VIRIAL = _computed("atom_virial", "[nf, N*9]", "interface", "atom", "eV", "share of each neighbour in the virial")


def find(name: str) -> str:
    """The key of the flag (1.0 or 0.0) that says whether a batch holds the label ``name``."""
    return f"find_{name}"


def file_names(name: str) -> tuple[str, ...]:
    """The file names, without suffix, that may hold the array ``name``, its own first.

    >>> file_names("atom_ener")
    ('atom_ener', 'atomic_ener')
    """
    for prefix, other in (("atom_", "atomic_"), ("atomic_", "atom_")):
        if name.startswith(prefix):
            return name, other + name[len(prefix) :]
    return (name,)
