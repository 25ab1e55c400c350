"""A frozen model rebuilt in memory out of fused operations, which are several times faster than the stored graph.

Files stay portable. What is rebuilt is checked against the graph as stored, once, and look-ups beyond the ends of its
tables are evaluated by the graph as stored.
"""

from __future__ import annotations

import logging

import numpy as np

from deepmd_tf.descriptor.base import descriptors
from deepmd_tf.errors import DeepmdError, ModelFormatError
from deepmd_tf.export.freeze import placeholders
from deepmd_tf.export.script import min_nbor_dist
from deepmd_tf.fitting.base import fittings
from deepmd_tf.infer.frozen import FrozenModel
from deepmd_tf.infer.session import ModelSession, session_config
from deepmd_tf.infer.stored import look_ups
from deepmd_tf.infer.tables import NetworkTables, StoredTables
from deepmd_tf.model.make import make_model
from deepmd_tf.model.type_embedding import TypeEmbedding
from deepmd_tf.nn.context import FOUND, BuildContext
from deepmd_tf.nn.table import tables_by_name
from deepmd_tf.nn.weights import FrozenWeights
from deepmd_tf.tf1 import tf

log = logging.getLogger(__name__)

# Of energies and forces, relative; the interpolation is some 1e-11. Single precision anywhere makes it rounding.
AGREEMENT, SINGLE_AGREEMENT = 1e-8, 1e-3


class FusedSession:
    """Runs a model in fused form where it can, as stored where it must.

    Parameters
    ----------
    stored : ModelSession
        The model as stored.

    Raises
    ------
    ModelFormatError
        The model cannot be rebuilt, or what was rebuilt differs from the graph as stored.
    """

    def __init__(self, stored: ModelSession):
        self._stored, model = stored, stored.model
        with tf.Graph().as_default() as graph:
            self._outside = _build(model)
        self._session = tf.Session(graph=graph, config=session_config())
        self._check(model)

    def run(self, names, feeds: dict) -> list:
        """Evaluate the first outputs of the nodes ``names``; feeds go by node name as well."""
        values, outside = self._run(names, feeds)
        return self._stored.run(names, feeds) if outside else values

    def close(self) -> None:
        """Free the sessions."""
        self._session.close()
        self._stored.close()

    def _run(self, names, feeds: dict) -> tuple[list, int]:
        """Outputs of the fused graph, and how many look-ups were beyond the tables."""
        *values, outside = self._session.run(
            [*(f"{name}:0" for name in names), self._outside], {f"{name}:0": value for name, value in feeds.items()}
        )
        return values, int(outside)

    def _check(self, model: FrozenModel) -> None:
        feeds = _example(model)
        names = ["o_energy", "o_force", "o_virial", "o_atom_energy", "o_atom_virial"]
        tolerance = SINGLE_AGREEMENT if _has_single_precision(model) else AGREEMENT
        found, outside = self._run(names, feeds)
        if outside:
            raise ModelFormatError(f"{model.path}: {outside} look-ups of the example are beyond the tables")
        for name, ours, stored in zip(names, found, self._stored.run(names, feeds)):
            error = np.abs(ours - stored).max(initial=0.0)
            if not error <= tolerance * max(1.0, np.abs(stored).max(initial=0.0)):
                raise ModelFormatError(f"{model.path}: rebuilt, {name} differs by {error:.1e} from the graph as stored")


def open_session(model: FrozenModel, as_stored: bool = False):
    """A session of the model: fused where it can be rebuilt, as stored where not or where that is asked for."""
    stored = ModelSession(model)
    if not as_stored:
        try:
            return FusedSession(stored)
        except (DeepmdError, KeyError, TypeError, ValueError) as reason:
            log.debug("%s: evaluated as stored: %s", model.path, reason)
    return stored


def _build(model: FrozenModel):
    """Add the model to the current graph; return the number of look-ups beyond the tables."""
    if "model" not in model.training_script:
        raise ModelFormatError(f"{model.path}: holds no training script")
    section = model.training_script["model"]
    known = {
        "type_map": model.type_map,
        "descriptor": _known(descriptors, section["descriptor"], model),
        "fitting_net": _known(fittings, section.get("fitting_net", {}), model),
    }
    if section.get("type_embedding"):
        known["type_embedding"] = _keys(TypeEmbedding.arguments(), section["type_embedding"])
    rebuilt = make_model(known)
    values = model.constants()
    if model.compressed:
        tables = StoredTables(FOUND, tables_by_name(values) or list(look_ups(model).values()))
    else:
        tables = NetworkTables(FOUND, min_nbor_dist(values) or 1.0)
    context = BuildContext(model.ntypes, FrozenWeights(values), np.dtype(model.dtype), tables.primitives())
    rebuilt.build(context, placeholders(rebuilt, model.dtype))
    return tf.add_n(tables.outside) if tables.outside else tf.constant(0, tf.int64)


def _has_single_precision(model: FrozenModel) -> bool:
    return any(node.attr["T"].type == tf.float32.as_datatype_enum for node in model.graph_def.node)


def _known(family, section: dict, model: FrozenModel, suffix: str = "") -> dict:
    """The keys of a section that its component has; those of other programs that change nothing are left out."""
    kind = section.get("type", "ener")
    keys = {"type": kind, **_keys(family.get(kind).arguments(), section)}
    if "list" in keys:
        keys["list"] = [_known(family, part, model, f"{suffix}_{i}") for i, part in enumerate(keys["list"])]
    if isinstance(keys.get("sel"), str):
        keys["sel"] = model.constant(f"descrpt_attr{suffix}/sel").tolist()
    if "tebd_dim" in keys:
        # Another program makes vectors of eight numbers, whatever its input says.
        keys["tebd_dim"] = int(model.constant("type_embed_net/matrix_1").shape[1])
    return keys


def _keys(arguments, section: dict) -> dict:
    given = {argument.name: [n for n in (argument.name, *argument.alias) if n in section] for argument in arguments}
    return {name: section[names[-1]] for name, names in given.items() if names}


def _example(model: FrozenModel) -> dict[str, np.ndarray]:
    """Feeds of a small frame of all types, no two atoms nearer than the training data have them."""
    rng = np.random.default_rng(0)
    spacing = max(1.6, 1.2 * float(model.constant("train_attr/min_nbor_dist", default=1.0)))
    places = spacing * np.stack(np.meshgrid(*[np.arange(3.0)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    coord = places + rng.uniform(-0.1, 0.1, places.shape) * spacing
    types = np.sort(rng.permutation(np.arange(len(coord)) % model.ntypes))
    feeds = {
        "t_coord": coord.ravel().astype(model.dtype),
        "t_box": np.eye(3).ravel().astype(model.dtype),
        "t_type": types.astype(np.int32),
        "t_natoms": np.array([len(types)] * 2 + [*np.bincount(types, minlength=model.ntypes)], np.int32),
        "t_mesh": np.zeros(0, np.int32),
    }
    for name, count in (("fparam", 1), ("aparam", len(types))):
        width = int(model.constant(f"fitting_attr/d{name}", default=0))
        if width:
            feeds[f"t_{name}"] = rng.normal(size=count * width).astype(model.dtype)
    return feeds
