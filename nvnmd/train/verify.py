"""What the device will answer, against the network that was trained: told before its model file is written."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from deepmd_tf.errors import DataError, SelfcheckError
from deepmd_tf.infer.frozen import FrozenModel
from deepmd_tf.infer.potential import DeepPot
from deepmd_tf.log import ROOT
from deepmd_tf.selfcheck.frames import training_frames
from nvnmd.device_file.model import DeviceModel
from nvnmd.simulate.device import Device

log = logging.getLogger(f"{ROOT}.{__name__}")

SAME_FORCE = 1e-12  # eV/Å; forces are sums in float64, whose order is free


def verify(model: DeviceModel, graph: Path, *, exact: bool) -> None:
    """Simulate the device on a training frame and compare it with the frozen network.

    Parameters
    ----------
    model : DeviceModel
        What will stand in the model file.
    graph : path
        The frozen network of the second step.
    exact : bool
        Whether the network was trained in the numbers of the device, so that energies must be equal to the bit.

    Raises
    ------
    SelfcheckError
        They are not.
    """
    frozen = FrozenModel(graph)
    network = DeepPot(frozen, as_stored=True)
    try:
        (frame, *_) = training_frames(frozen.training_script, network, 1)
    except DataError as error:
        log.warning("the device is not simulated, there are no frames: %s", error.message)
        return
    expected = frame.evaluate(network, ["atom_energy", "force"])
    network.close()
    cell = None if frame.cell is None else frame.cell[None]
    found = Device(model).evaluate(frame.coord[None], cell, frame.types)
    energy = np.abs(found.atom_energy[0] - expected["atom_energy"][0].ravel()).max()
    force = np.abs(found.force[0] - expected["force"][0]).max()
    log.info(
        "device simulated on %d atoms of %s: against the network, energies %s, forces within %.1e eV/Å",
        frame.natoms, frame.system, "equal to the bit" if energy == 0 else f"within {energy:.1e} eV", force,
    )  # fmt: skip
    for register, count in zip(found.record.registers, found.record.over):
        if count:
            log.warning(
                "register %s (%s): %d numbers are too large for it; dp nvnmd-report shows what that changes",
                register.name, register.meaning, count,
            )  # fmt: skip
    if exact and (energy > 0 or force > SAME_FORCE):
        raise SelfcheckError(
            f"{graph}: the device would differ from it: energies of atoms by up to {energy:.1e} eV, "
            f"forces by up to {force:.1e} eV/Å",
            "No model file was written; please report this with the input",
        )
