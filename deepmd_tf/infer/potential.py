"""Evaluate a frozen energy model."""

from __future__ import annotations

import numpy as np

from deepmd_tf.errors import ModelFormatError
from deepmd_tf.infer.batch import FrameBatcher
from deepmd_tf.infer.evaluator import Evaluator
from deepmd_tf.infer.frozen import FrozenModel
from deepmd_tf.infer.fused import open_session
from deepmd_tf.infer.inputs import Frames
from deepmd_tf.infer.session import ModelSession

REFUSED = {
    "spin_attr/ntypes_spin": "a spin model",
    "modifier_attr/type": "a model with a data modifier (DPLR)",
    "t_efield": "a model with an external field",
}
"""Kinds of model that are not handled here, by the node that tells them."""


def check_plain_energy(model: FrozenModel) -> None:
    """Refuse, by a ModelFormatError, a model of another quantity, or with parts that are not handled here."""
    if model.model_type != "ener":
        raise ModelFormatError(f"{model.path}: expected an energy model, found model type {model.model_type!r}")
    for node, kind in REFUSED.items():
        if node in model.nodes:
            raise ModelFormatError(f"{model.path}: {kind} cannot be evaluated here; expected a plain energy model")


class DeepPot:
    """A frozen energy model: energy, force, virial and their atomic parts of given frames.

    Units are those of the data the model was trained with; eV and Å by custom.

    Parameters
    ----------
    model_file : str or Path or FrozenModel
        Frozen model (``.pb``), written by this program or by deepmd-kit's TensorFlow backend.
    auto_batch_size : bool or int
        True batches frames by the memory that is free (see :mod:`deepmd_tf.infer.batch`), a number is
        the atoms of one batch, False evaluates all frames at once. Frames of many atoms go domain by domain
        (:mod:`deepmd_tf.infer.domains`), unless False is given.
    as_stored : bool
        Run the graph of the file as it is, instead of one rebuilt out of faster operations
        (:mod:`deepmd_tf.infer.fused`).

    Raises
    ------
    ModelFormatError
        The file cannot be used as an energy model; the text says why.
    """

    def __init__(self, model_file, auto_batch_size: bool | int = True, as_stored: bool = False):
        self._model = model_file if isinstance(model_file, FrozenModel) else FrozenModel(model_file)
        check_plain_energy(self._model)
        self._dim_fparam = int(self._model.constant("fitting_attr/dfparam", default=0))
        self._dim_aparam = int(self._model.constant("fitting_attr/daparam", default=0))
        self._session = open_session(self._model, as_stored)
        atoms = None if auto_batch_size is True else (auto_batch_size or np.iinfo(np.int64).max)
        batcher = FrameBatcher(self._model, atoms, embedded=isinstance(self._session, ModelSession))
        self._evaluator = Evaluator(self._model, self._session, batcher)

    def eval(self, coords, cells, atom_types, atomic=False, fparam=None, aparam=None, mixed_type=False):
        """Evaluate frames.

        Parameters
        ----------
        coords : array [nf, N*3] or [nf, N, 3]
            Positions.
        cells : array [nf, 9] or [nf, 3, 3], or None
            Lattice vectors as rows; None for open boundaries.
        atom_types : array of int [N], or [nf, N] with ``mixed_type``
            Types as indices into :meth:`get_type_map`; -1 marks a virtual atom, whose results are 0.
        atomic : bool
            Return atomic energies and virials as well.
        fparam : array [nf, dim_fparam] or [dim_fparam], optional
            Frame parameters, one set for all frames or one for each.
        aparam : array [nf, N, dim_aparam], [N, dim_aparam] or [dim_aparam], optional
            Atomic parameters.
        mixed_type : bool
            Each frame has atom types of its own.

        Returns
        -------
        energy : ndarray [nf, 1]
        force : ndarray [nf, N, 3]
            Minus the gradient of the energy.
        virial : ndarray [nf, 9]
            Minus the derivative of the energy with respect to the strain of the cell.
        atom_energy : ndarray [nf, N, 1]
            Only with ``atomic``; sums to the energy.
        atom_virial : ndarray [nf, N, 9]
            Only with ``atomic``; sums to the virial.

        Raises
        ------
        DataError
            An argument does not fit the others or the model.
        """
        frames = self._check(coords, cells, atom_types, fparam, aparam, mixed_type)
        names = ["energy", "force", "virial"] + (["atom_energy", "atom_virial"] if atomic else [])
        found = self._evaluator.run(frames, names)
        return tuple(found[name] for name in names)

    def eval_descriptor(self, coords, cells, atom_types, fparam=None, aparam=None, mixed_type=False) -> np.ndarray:
        """Return the descriptor of each atom [nf, N, dim]; arguments as in :meth:`eval`."""
        frames = self._check(coords, cells, atom_types, fparam, aparam, mixed_type)
        return self._evaluator.run(frames, ["descriptor"])["descriptor"]

    def eval_outputs(
        self, names, coords, cells, atom_types, fparam=None, aparam=None, mixed_type=False
    ) -> dict[str, np.ndarray]:
        """Evaluate only ``names`` of energy, force, virial, atom_energy, atom_virial: MD needs no virial each step."""
        return self._evaluator.run(self._check(coords, cells, atom_types, fparam, aparam, mixed_type), list(names))

    def get_type_map(self) -> list[str]:
        """Names of the atom types, by index."""
        return list(self._model.type_map)

    def get_ntypes(self) -> int:
        """Number of atom types."""
        return self._model.ntypes

    def get_rcut(self) -> float:
        """Cutoff radius."""
        return self._model.rcut

    def get_dim_fparam(self) -> int:
        """Number of frame parameters."""
        return self._dim_fparam

    def get_dim_aparam(self) -> int:
        """Number of atomic parameters."""
        return self._dim_aparam

    def get_sel_type(self) -> list[int]:
        """Types with an output of their own; an energy model has one for each type, told by an empty list."""
        return []

    def get_ntypes_spin(self) -> int:
        """Number of types with spin: 0, spin models are refused."""
        return 0

    def get_model_def_script(self) -> dict:
        """The section ``model`` of the input the model was trained with; empty when the file holds none."""
        return self._model.training_script.get("model", {})

    @property
    def has_efield(self) -> bool:
        """Whether the model takes an external electric field."""
        return False

    @property
    def has_spin(self) -> bool:
        """Whether the model takes spins."""
        return False

    def close(self) -> None:
        """Free the memory of the graph."""
        self._session.close()

    def _check(self, coords, cells, types, fparam, aparam, mixed) -> Frames:
        return Frames.check(
            coords,
            cells,
            types,
            fparam=fparam,
            aparam=aparam,
            mixed=mixed,
            ntypes=self.get_ntypes(),
            dim_fparam=self._dim_fparam,
            dim_aparam=self._dim_aparam,
        )
