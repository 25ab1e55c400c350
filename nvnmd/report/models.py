"""The models of a report: opened, and checked to be what they are given as."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deepmd_tf.data.system import System
from deepmd_tf.errors import ConfigError, ModelFormatError
from deepmd_tf.infer.frozen import FrozenModel
from deepmd_tf.infer.potential import DeepPot
from nvnmd.simulate.device import Device, Result
from nvnmd.simulate.potential import SimulatedPot
from nvnmd.train.plan import COMPONENTS, FIRST, SECOND

FLOAT, CNN, QNN, DEVICE = "float", "CNN", "QNN", "device"
STEPS = {CNN: FIRST, QNN: SECOND}
OPTIONS = {FLOAT: "--float", CNN: "--cnn", QNN: "--qnn", DEVICE: "--device"}
LEGACY = "legacy"
_DESCRIPTORS = {descriptor: step for (step, _), (descriptor, _) in COMPONENTS.items()}


@dataclass(frozen=True)
class Model:
    """A model that is evaluated.

    Attributes
    ----------
    kind : str
        :data:`FLOAT`, :data:`CNN`, :data:`QNN` or :data:`DEVICE`; a report has at most one of each.
    path : Path
    potential : DeepPot or LimitedPot
    facts : list of str
        What is known of it.
    weight_format : str or None
        Of a QNN.
    """

    kind: str
    path: Path
    potential: DeepPot | LimitedPot
    facts: list[str]
    weight_format: str | None = None

    @property
    def type_map(self) -> list[str]:
        """Names of the types; empty where they have none."""
        return self.potential.get_type_map()


class LimitedPot(SimulatedPot):
    """A simulated device that also tells what limited registers would change.

    Attributes
    ----------
    changed_by_limits : float
        How much a force component, eV/Å, changes at most where registers keep the nearest number that fits.
    """

    def __init__(self, path: Path):
        super().__init__(path)
        self._saturating = Device(self.device.model, saturate=True)
        self.changed_by_limits = 0.0

    def _evaluate(self, coords, cells, atom_types) -> Result:
        found = super()._evaluate(coords, cells, atom_types)
        if found.record.over.any():
            limited = self._saturating.evaluate(coords, cells, atom_types)
            self.changed_by_limits = max(self.changed_by_limits, np.abs(limited.force - found.force).max())
        return found


def open_models(paths: dict[str, Path], systems: Sequence[str], type_map: Sequence[str] | None = None) -> list[Model]:
    """Open the models of a report.

    Parameters
    ----------
    paths : dict of str to Path
        Files by the kind of model that they are given as.
    systems : sequence of str
        Data whose order of types is taken for a device where nothing else tells it.
    type_map : sequence of str, optional
        Names of the types of the device.

    Raises
    ------
    ModelFormatError
        A file is no model, or cannot be read.
    ConfigError
        A model is of another kind, or the types of the device are not known or other ones.
    """
    models = [_network(kind, path) for kind, path in paths.items() if kind != DEVICE]
    if DEVICE in paths:
        device = _device(paths[DEVICE])
        origin = _name_types(device, models, systems, type_map)
        device.facts.append(origin)
        models.append(device)
    elif type_map:
        raise ConfigError("--type-map: names the types of a model file of the device, found none", "Leave it out")
    return models


def _network(kind: str, path: Path) -> Model:
    frozen = FrozenModel(path)
    script = frozen.training_script
    step = _step(script)
    facts, weight_format = [], None
    descriptor = script.get("model", {}).get("descriptor", {}).get("type")
    if kind in STEPS and script and step != STEPS[kind]:
        right = next((other for other, of in STEPS.items() if of == step), FLOAT)
        raise ConfigError(
            f"{OPTIONS[kind]} {path}: expected a network of step {STEPS[kind]}, found descriptor {descriptor!r}",
            f"Give it as {OPTIONS[right]}",
        )
    if kind == FLOAT and descriptor:
        facts.append(f"descriptor {descriptor}")
    if kind == QNN:
        # Models of programs that do not name the format have the one that they are the origin of.
        weight_format = script.get("model", {}).get("fitting_net", {}).get("weight_format", LEGACY)
        facts.append(f"weight format {weight_format}")
    if steps := script.get("training", {}).get("numb_steps"):
        facts.append(f"{steps:,} training steps")
    return Model(kind, path, DeepPot(frozen), facts, weight_format)


def _step(script: dict) -> str | None:
    """Which step of the training a network belongs to, None for other networks; also of other programs."""
    section = script.get("nvnmd", {})
    if section.get("enable"):
        return SECOND if section.get("quantize_fitting_net") else FIRST
    return _DESCRIPTORS.get(script.get("model", {}).get("descriptor", {}).get("type"))


def _device(path: Path) -> Model:
    try:
        potential = LimitedPot(path)
    except ModelFormatError as error:
        hint = "Give the model file that step s2 writes, nvnmd_qnn/model.pb"
        raise ModelFormatError(f"{OPTIONS[DEVICE]} {error.message}", hint) from error
    model = potential.device.model
    layout, content = model.layout, path.read_bytes()
    facts = [
        f"version {layout.version}",
        f"SUB_VERSION {layout.sub_version}",
        f"{layout.max_nnei} neighbours",
        f"{len(content):,} bytes",
        f"SHA-256 `{hashlib.sha256(content).hexdigest()}`",
    ]
    if not model.shifts:
        facts.append("its header has no place for the energies of the types, which its energies lack")
    return Model(DEVICE, path, potential, facts)


def _name_types(device: Model, models: list[Model], systems: Sequence[str], given: Sequence[str] | None) -> str:
    """Give the types of the device their names; return where these come from."""
    owners = [model for kind in (QNN, CNN) for model in models if model.kind == kind and model.type_map]
    if owners:
        names, origin = owners[0].type_map, f"types as in the {owners[0].kind}"
        if given and list(given) != names:
            raise ConfigError(
                f"--type-map: expected {' '.join(names)}, as in {owners[0].path}, found {' '.join(given)}"
            )
    elif given:
        names, origin = list(given), "types as in --type-map"
    else:
        names, origin = _names_of_data(systems), "types in the order of the data"
    expected = device.potential.device.model.ntypes
    if names and len(names) != expected:
        raise ConfigError(
            f"{device.path}: holds {expected} types, found the names {' '.join(names)} ({origin})",
            "Give the names of its types in their order, --type-map",
        )
    device.potential.type_map = names
    return f"{origin}: {' '.join(names)}" if names else "types by number, as in the data"


def _names_of_data(systems: Sequence[str]) -> list[str]:
    found = {path: System.open(path).type_map for path in systems}
    if len(set(found.values())) > 1:
        first, *others = found
        other = next(path for path in others if found[path] != found[first])
        raise ConfigError(
            f"{other}: expected the types of {first}, {_shown(found[first])}, found {_shown(found[other])}",
            "Give the names of the types of the device in their order, --type-map",
        )
    return list(next(iter(found.values())) or [])


def _shown(names: Sequence[str] | None) -> str:
    return " ".join(names) if names else "no names"
