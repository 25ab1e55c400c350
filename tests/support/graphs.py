"""Build and run the inference graph of a model in a test."""

from __future__ import annotations

import numpy as np

from deepmd_tf.config.check import normalize
from deepmd_tf.export.freeze import placeholders
from deepmd_tf.model.make import make_model
from deepmd_tf.nn.context import PORTABLE, BuildContext
from deepmd_tf.nn.weights import WeightStore
from deepmd_tf.tf1 import tf
from deepmd_tf.train.schema import input_schema


def complete(model: dict) -> dict:
    """The ``model`` section with all defaults; networks without a seed get one, so that tests repeat themselves."""
    frame = {
        "model": model,
        "learning_rate": {"start_lr": 1e-3, "stop_lr": 1e-8},
        "training": {"numb_steps": 1, "training_data": {"systems": ["unused"]}},
    }
    return _seeded(normalize(frame, input_schema())["model"])


def _seeded(section, seed=2):
    """With seeds for networks that have none. Of the weights from 2, atoms repel each other: they can be let move."""
    if isinstance(section, list):
        return [_seeded(item, seed + k) for k, item in enumerate(section)]
    if not isinstance(section, dict):
        return section
    section = {name: _seeded(value, seed) for name, value in section.items()}
    if "neuron" in section and section.get("seed") is None:
        section["seed"] = seed
    return section


class PlainWeights(WeightStore):
    """Weights as constants, with random values where none are given; keeps what it drew."""

    def __init__(self, values=None, seed: int = 0):
        super().__init__(values)
        self._rng = np.random.default_rng(seed)

    def _value(self, name, shape, initial):
        if name not in self.values and initial is None:
            positive = name.endswith(("t_std", "istd"))
            self.values[name] = self._rng.uniform(0.5, 1.5, shape) if positive else self._rng.normal(0, 0.1, shape)
        return super()._value(name, shape, initial)

    def _make(self, name, value, dtype, trainable):
        return tf.constant(value, tf.as_dtype(dtype))


def statistics(model, seed: int) -> dict[str, np.ndarray]:
    """Random mean and scale of each environment matrix, the same in every slot; only s has a mean, if any."""
    rng, values = np.random.default_rng(seed), {}
    for env in model.descriptor.environments():
        ntypes, nnei, c = env.spec.ntypes, sum(env.spec.sel), env.spec.components
        mean = np.array([rng.uniform(0.01, 0.1), 0, 0, 0]) * (not env.spec.set_davg_zero)
        scale = rng.uniform(0.1, 0.3, (ntypes, 1)) * [1, 0.7, 0.7, 0.7]
        values[f"{env.scope}/t_avg"] = np.tile(mean[:c], (ntypes, nnei))
        values[f"{env.scope}/t_std"] = np.tile(scale[:, :c], (1, nnei))
    return values


class ModelUnderTest:
    """A model with random weights, evaluated through its inference graph.

    Parameters
    ----------
    section : dict
        The ``model`` section; ``type_map`` and ``sel`` given.
    """

    def __init__(
        self, section: dict, seed: int = 0, interface=np.float64, weights: dict | None = None, primitives=PORTABLE
    ):

        self.section = complete(section)
        self.model = make_model(self.section)
        self.ntypes = len(self.section["type_map"])
        self.dtype = np.dtype(interface)
        graph = tf.Graph()
        with graph.as_default():
            self.inputs = placeholders(self.model, self.dtype)
            self.store = PlainWeights({**statistics(self.model, seed), **(weights or {})}, seed)
            self.output = self.model.build(BuildContext(self.ntypes, self.store, self.dtype, primitives), self.inputs)
        self.session = tf.Session(graph=graph)

    @property
    def weights(self) -> dict[str, np.ndarray]:
        """All weights by name."""
        return self.store.values

    def __call__(self, coord, atype, box=None, fparam=None, aparam=None) -> dict[str, np.ndarray]:
        """Evaluate frames: coord [nf, N, 3] in any order of atoms, atype [N]; results in the same order."""
        got = self.session.run(self.output.__dict__, self.feeds(coord, atype, box, fparam, aparam))
        nf, n = len(got["energy"]), len(atype)
        back = np.argsort(_sorted(atype))
        return {
            "energy": got["energy"],
            "atom_energy": got["atom_energy"][:, back],
            "force": got["force"].reshape(nf, n, 3)[:, back],
            "virial": got["virial"].reshape(nf, 3, 3),
            "atom_virial": got["atom_virial"].reshape(nf, n, 3, 3)[:, back],
        }

    def feeds(self, coord, atype, box=None, fparam=None, aparam=None) -> dict:
        """What :meth:`__call__` feeds: atoms sorted by type, placeholders by tensor."""
        coord = np.asarray(coord, self.dtype).reshape(-1, len(atype), 3)
        order, (nf, n) = _sorted(atype), coord.shape[:2]
        cells = np.broadcast_to(np.eye(3) if box is None else box, (nf, 3, 3))
        values = {
            "t_coord": coord[:, order].ravel(),
            "t_type": np.tile(np.asarray(atype)[order], nf),
            "t_natoms": [n, n, *np.bincount(np.maximum(atype, 0), minlength=self.ntypes)],
            "t_mesh": np.zeros(0 if box is None else 6, np.int32),
            "t_box": cells.ravel(),
        }
        if fparam is not None:
            values["t_fparam"] = np.asarray(fparam).ravel()
        if aparam is not None:
            values["t_aparam"] = np.asarray(aparam).reshape(nf, n, -1)[:, order].ravel()
        return {f"{name}:0": value for name, value in values.items()}


def _sorted(atype) -> np.ndarray:
    return np.lexsort((np.arange(len(atype)), atype))
