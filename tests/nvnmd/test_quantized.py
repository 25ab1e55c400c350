"""The networks in the numbers of the device are the device: the graph has the bits of the simulated model file."""

from __future__ import annotations

import numpy as np
import pytest

import nvnmd.plugin  # noqa: F401  (registers the components)
from deepmd_tf.errors import ConfigError
from deepmd_tf.nn.context import FOUND, PORTABLE
from nvnmd.device_file.encode import encode
from nvnmd.device_file.read import from_bytes
from nvnmd.device_file.write import to_bytes
from nvnmd.model.quantized.tables import weights_of_tables
from nvnmd.simulate.device import Device
from nvnmd.simulate.neighbors import neighbors_of
from nvnmd.train.plan import COMPONENTS, SECOND
from tests.nvnmd.simulated import smooth_network, structure
from tests.support.graphs import ModelUnderTest

KINDS = [(0, 128), (0, 256), (1, 128), (1, 256)]


def graph(version: int, max_nnei: int, weight_format: str = "device", **options) -> ModelUnderTest:
    """The graph of a network with random weights."""
    config, weights, tables = smooth_network(version, max_nnei)
    descriptor, fitting = COMPONENTS[SECOND, version]
    sel = list(config.sel) if version == 0 else config.sel[0]
    section = {
        "type_map": ["Ge", "Te"],
        "descriptor": {"type": descriptor, "sel": sel, "rcut": config.rcut, "rcut_smth": config.rcut_smth},
        "fitting_net": {"type": fitting, "weight_format": weight_format},
    }
    # Mean and scale are in the tables.
    given = {name.replace(".", "/"): value for name, value in weights.items() if not name.startswith("descrpt_attr")}
    given["fitting_attr/t_bias_atom_e"] = given.pop("t_bias_atom_e")
    return ModelUnderTest(section, weights={**given, **weights_of_tables(tables)}, **options)


def device(version: int, max_nnei: int) -> Device:
    """The device with the model file of these weights; nothing but the file."""
    return Device(from_bytes(to_bytes(encode(*smooth_network(version, max_nnei)))))


@pytest.mark.parametrize("periodic", [True, False], ids=["periodic", "open"])
@pytest.mark.parametrize(("version", "max_nnei"), KINDS)
def test_graph_and_device_have_the_same_bits(version, max_nnei, periodic):
    model, chip = graph(version, max_nnei), device(version, max_nnei)
    coord, box, types = structure()
    box = box if periodic else None
    neighbors = neighbors_of(chip.numbers, coord, box, types)
    assert (neighbors.nlist < 0).any() and (neighbors.nlist >= 0).any()
    expected = chip.evaluate(coord[None], None if box is None else box[None], types)
    found = model(coord, types, box)
    assert np.array_equal(found["atom_energy"], expected.atom_energy)
    assert np.array_equal(found["energy"], expected.energy)
    np.testing.assert_allclose(found["force"], expected.force, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found["virial"].ravel(), expected.virial[0], rtol=0, atol=1e-11)
    assert np.abs(expected.force).max() > 1e-3


@pytest.mark.parametrize("version", [0, 1])
def test_fused_operations_change_no_bit(version):
    coord, box, types = structure()
    one, other = (graph(version, 128, primitives=primitives)(coord, types, box) for primitives in (PORTABLE, FOUND))
    assert np.array_equal(one["atom_energy"], other["atom_energy"])
    np.testing.assert_allclose(one["force"], other["force"], rtol=0, atol=1e-12)


@pytest.mark.parametrize("version", [0, 1])
def test_frames_of_a_batch_and_virtual_atoms(version):
    """Each frame of a batch as if alone; a virtual atom has no energy and is nobody's neighbour."""
    model, (coord, box, types) = graph(version, 128), structure()
    frames = np.stack([coord, coord + np.random.default_rng(1).normal(scale=0.1, size=coord.shape)])
    both = model(frames, types, np.stack([box, box]))
    for frame in range(2):
        alone = model(frames[frame], types, box)
        assert np.array_equal(both["atom_energy"][frame], alone["atom_energy"][0])
    masked = types.copy()
    masked[[3, 40]] = -1
    found, expected = model(coord, masked, box), device(version, 128).evaluate(coord[None], box[None], masked)
    assert np.array_equal(found["atom_energy"], expected.atom_energy) and not found["atom_energy"][0, [3, 40]].any()
    assert not found["force"][0, [3, 40]].any()


@pytest.mark.parametrize("version", [0, 1])
def test_the_legacy_format_is_finer(version):
    """It differs from the device by the bits that the model file has no place for."""
    coord, box, types = structure()
    legacy = graph(version, 128, "legacy")(coord, types, box)
    chip = device(version, 128).evaluate(coord[None], box[None], types)
    assert 1e-6 < np.abs(legacy["atom_energy"] - chip.atom_energy).max() < 1e-2


def test_single_precision_is_refused():
    with pytest.raises(ConfigError, match=r"need an interface of double precision, found float32. Unset"):
        graph(0, 128, interface=np.float32)
