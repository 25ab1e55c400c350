"""The datapath of the simulator is that of deepmd-kit's quantised model.

With the weights and tables of training in the place of those of the device, our definition and deepmd-kit's frozen
model of the second step give the same energies to the bit. Open boundaries leave slots empty, and distances are exact
there: in a periodic box deepmd-kit rounds positions on the way into the box.
"""

from __future__ import annotations

import numpy as np

from nvnmd.device_file.read import read_model
from nvnmd.dictionaries import read_dictionary
from nvnmd.simulate.device import Device
from nvnmd.simulate.neighbors import neighbors_of
from nvnmd.simulate.numbers import Numbers
from nvnmd.simulate.reference import Reference
from nvnmd.simulate.registers import Record, registers_of
from tests.interop.nvnmd_legacy import LegacyNetworks, legacy_numbers
from tests.nvnmd.simulated import by_definition


def gete(shared_data):
    """Positions [N, 3] inside the box and rounded to 2^-20 Å, box [3, 3], types [N]."""
    data = shared_data / "nvnmd_GeTe"
    coord, box = (
        np.load(data / f"set.000/{name}.npy")[0].astype(np.float64).reshape(-1, 3) for name in ("coord", "box")
    )
    coord, box = np.rint(coord * 2**20) / 2**20, np.rint(box * 2**20) / 2**20
    return coord % np.diag(box), box, np.loadtxt(data / "type.raw", int)


def test_the_reference_with_the_numbers_of_training_is_the_frozen_model(kit, trained, shared_data, tmp_path):
    _, _, folder = trained
    model = read_model(folder / "nvnmd_qnn/model.pb")
    weights, tables = (read_dictionary(folder / name) for name in ("nvnmd_qnn/weight.npy", "nvnmd_cnn/map.npy"))
    numbers = legacy_numbers(Numbers.of(model), weights, tables)
    reference = Reference(numbers, LegacyNetworks(weights, tables), Record(registers_of(model.shift_exponent)))
    coord, box, types = gete(shared_data)
    cases = {
        "open": {"coords": coord[None], "cells": None, "types": types},
        "periodic": {"coords": coord[None], "cells": box[None], "types": types},
    }
    expected = kit.evaluate(folder / "nvnmd_qnn/frozen_model.pb", cases, tmp_path)

    neighbors = neighbors_of(numbers, coord, None, types)
    assert (neighbors.nlist < 0).any()
    found = reference.evaluate(types, neighbors)
    np.testing.assert_array_equal(found.atom_energy, expected["open"]["atom_energy"].ravel())
    np.testing.assert_allclose(found.force, expected["open"]["force"][0], rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.virial, expected["open"]["virial"].ravel(), rtol=0, atol=1e-11)

    found = reference.evaluate(types, neighbors_of(numbers, coord, box, types))
    np.testing.assert_allclose(found.atom_energy, expected["periodic"]["atom_energy"].ravel(), rtol=0, atol=2e-6)
    np.testing.assert_allclose(found.force, expected["periodic"]["force"][0], rtol=0, atol=2e-6)


def test_the_simulator_of_its_model_file_is_the_reference(trained, shared_data):
    """Of the weights that the device holds. Those of training differ by their truncation, less than 1 meV an atom."""
    _, _, folder = trained
    device, (coord, box, types) = Device(folder / "nvnmd_qnn/model.pb"), gete(shared_data)
    weights, tables = (read_dictionary(folder / name) for name in ("nvnmd_qnn/weight.npy", "nvnmd_cnn/map.npy"))
    for cell in (None, box):
        expected, record = by_definition(device.model, coord, cell, types)
        found = device.evaluate(coord[None], None if cell is None else cell[None], types)
        np.testing.assert_array_equal(found.atom_energy[0], expected.atom_energy)
        np.testing.assert_allclose(found.force[0], expected.force, rtol=0, atol=1e-12)
        np.testing.assert_allclose(found.virial[0], expected.virial, rtol=0, atol=1e-11)
        np.testing.assert_allclose(found.record.largest, record.largest, rtol=1e-12)
        np.testing.assert_array_equal(found.record.over, record.over)
    numbers = legacy_numbers(device.numbers, weights, tables)
    legacy = Reference(numbers, LegacyNetworks(weights, tables), record)
    difference = found.atom_energy[0] - legacy.evaluate(types, neighbors_of(numbers, coord, box, types)).atom_energy
    assert 0 < np.abs(difference).max() < 1e-3
