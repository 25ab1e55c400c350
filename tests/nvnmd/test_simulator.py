"""The compiled simulator has the bits of its definition, whatever the model, the boundaries and the threads."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from deepmd_tf.errors import DataError, ModelFormatError
from nvnmd.device_file.read import from_bytes
from nvnmd.device_file.write import to_bytes, write_model
from nvnmd.formats import float_codes
from nvnmd.simulate.device import Device
from nvnmd.simulate.registers import INDEX, REGISTERS
from tests.nvnmd.simulated import by_definition, magnified, smooth_model, structure

KINDS = [(0, 128), (0, 256), (1, 128), (1, 256)]


def same(model, coord, box, atype, *, saturate=False):
    """Compare one frame on one and on two threads with the definition; return what was found."""
    expected, record = by_definition(model, coord, box, atype, saturate=saturate)
    found = [Device(model, saturate=saturate, threads=threads).evaluate(
        coord[None], None if box is None else box[None], atype) for threads in (1, 2)]  # fmt: skip
    for one in found:
        np.testing.assert_array_equal(one.atom_energy[0], expected.atom_energy)
        np.testing.assert_allclose(one.force[0], expected.force, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(one.virial[0], expected.virial, rtol=1e-12, atol=1e-11)
        np.testing.assert_allclose(one.record.largest, record.largest, rtol=1e-12)
        np.testing.assert_array_equal(one.record.over, record.over)
        np.testing.assert_array_equal(one.record.under, record.under)
    np.testing.assert_array_equal(found[0].force, found[1].force)
    np.testing.assert_array_equal(found[0].virial, found[1].virial)
    return found[0]


@pytest.mark.parametrize("version, max_nnei", KINDS)
@pytest.mark.parametrize("periodic", [True, False])
def test_same_bits(version, max_nnei, periodic):
    """Some slots stay empty, and in version 0 some neighbours find none."""
    model = smooth_model(version, max_nnei)
    coord, box, atype = structure()
    atype[5] = -1
    found = same(model, coord, box if periodic else None, atype)
    assert np.ptp(found.atom_energy[0][atype == 0]) > 1e-3 and np.abs(found.force).max() > 1e-3
    assert found.atom_energy[0, 5] == 0 and (found.force[0, 5] == 0).all()
    assert found.record.largest[INDEX["z"]] > 2  # beyond the bend of the activation
    assert found.record.largest[INDEX["G"]] > 0 or version == 0


def test_more_kinds_of_files():
    """Without energies in the header; coarser tables; three types, one without neighbours; a last bias."""
    coord, box, atype = structure(seed=1)
    model = smooth_model(0)
    old = replace(model, layout=replace(model.layout, sel_bits=8).deployed(), shifts=(), shift_exponent=0)
    np.testing.assert_allclose(
        same(old, coord, box, atype).atom_energy[0], same(model, coord, box, atype).atom_energy[0]
        - model.energy_shifts[atype], rtol=0, atol=1e-12,
    )  # fmt: skip
    three = replace(model, sel=(20, 0, 9), shifts=(*model.shifts, 12345), final_bias=np.array([3, -5, 7, 0]))
    for name in ("forward", "backward", "switch_table", "switch_gradient_table", "feature_table"):
        getattr(three, name)[2] = getattr(three, name)[1]
    same(three, coord, box, 2 - atype * (np.arange(len(atype)) % 3 > 0))
    newer = smooth_model(1, 256)
    same(replace(newer, layout=replace(newer.layout, slices=64, sub_version=2)), coord, box, atype)


@pytest.mark.parametrize("version", [0, 1])
@pytest.mark.parametrize("saturate", [False, True])
def test_registers_that_are_too_small(version, saturate):
    """The sum over neighbours, data of the fitting net and forces leave their registers, in both versions."""
    model = magnified(smooth_model(version), switch_table=3, feature_table=1)
    if not saturate:  # a larger NIX keeps the descriptor within what can be computed
        model = replace(model, log2_nix=model.log2_nix + 2)
    found = same(model, *structure(), saturate=saturate)
    over = {REGISTERS[index].name for index in np.flatnonzero(found.record.over)}
    assert {"sum", "x"} <= over
    if saturate:
        limits = found.record.limits[:, 0]
        assert (np.abs(found.force) <= limits[INDEX["force"]]).all()


def test_sums_beyond_float64():
    """Features of 2^36 times s of 2^3: sums of terms with 23 fraction bits need more than 53."""
    model = magnified(smooth_model(0), feature_table=36, feature_gradient_table=36)
    model = replace(model, log2_nix=model.log2_nix + 36)
    found = same(model, *structure())
    assert found.record.largest[INDEX["sum"]] * 2**23 > 2**53


def test_floats_below_their_smallest_exponent():
    """Tables of the smallest numbers that the format has: products of them vanish, or are counted."""
    model = smooth_model(0)
    smallest = np.broadcast_to(float_codes(2.0**-127)[0].astype(np.int64), model.switch_table.shape)
    model = replace(model, switch_table=np.where(np.arange(4) == 2, smallest, 0))
    under = {name: INDEX[name] for name in ("s", "R")}
    counted = same(model, *structure())
    assert all(counted.record.under[index] for index in under.values())
    kept = same(model, *structure(), saturate=True)
    assert kept.record.largest[under["R"]] < 2.0**-120


def test_frames_and_mixed_types(tmp_path):
    """Frames are evaluated one by one, each with types of its own if it has them; a path is a model file."""
    model = smooth_model(1)
    write_model(tmp_path / "model.pb", model)
    device = Device(tmp_path / "model.pb")
    (a, box, types), (b, _, other) = structure(seed=2), structure(seed=3)
    both = device.evaluate([a, b], [box, box], np.array([types, other]))
    for index, (coord, atype) in enumerate(((a, types), (b, other))):
        one = device.evaluate(coord[None], box[None], atype)
        for name in ("energy", "force", "virial", "atom_energy"):
            np.testing.assert_array_equal(getattr(both, name)[index], getattr(one, name)[0])
        assert one.energy[0] == pytest.approx(one.atom_energy.sum(), rel=1e-15)
    assert device.evaluate(np.zeros((2, 0, 3)), None, np.zeros(0, int)).force.shape == (2, 0, 3)


@pytest.mark.parametrize("version", [0, 1])
def test_forces_and_virial_are_slopes_of_the_energy(version):
    """As far as truncation lets them: energies have steps of 2^-23 eV."""
    device, (coord, box, atype) = Device(smooth_model(version)), structure(seed=4)
    found, step = device.evaluate(coord[None], box[None], atype), 2.0**-7

    def energy(moved, cell):
        return device.evaluate(moved[None], cell[None], atype).energy[0]

    for i, d in ((0, 0), (7, 1), (20, 2)):
        shift = np.zeros_like(coord)
        shift[i, d] = step
        slope = (energy(coord + shift, box) - energy(coord - shift, box)) / (2 * step)
        assert found.force[0, i, d] == pytest.approx(-slope, abs=0.02 * np.abs(found.force).max())
    strain = np.array([[1.0, 0.3, 0], [0.2, -0.5, 0], [0, 0.1, 0.7]]) * 2.0**-10
    ends = [energy(coord @ (np.eye(3) + sign * strain), box @ (np.eye(3) + sign * strain)) for sign in (1, -1)]
    expected = -(found.virial[0].reshape(3, 3) * strain).sum()
    assert (ends[0] - ends[1]) / 2 == pytest.approx(expected, abs=0.03 * np.abs(found.virial * strain.ravel()).sum())


def test_what_cannot_be_simulated():
    model = smooth_model(0)
    device, (coord, box, atype) = Device(model), structure()
    for change, message in (
        (dict(atype=atype + 1), "expected types 0 to 1"),
        (dict(coord=coord[None, :-1]), "expected 3 values for each of 48 atoms"),
        (dict(box=np.zeros((1, 3, 3))), "has no volume"),
    ):
        with pytest.raises(DataError, match=message):
            device.evaluate(**{"coord": coord[None], "box": box[None], "atype": atype, **change})
    with pytest.raises(DataError, match="fitting net: expected data up to 1024"):
        Device(magnified(model, feature_table=12)).evaluate(coord[None], box[None], atype)
    with pytest.raises(ModelFormatError, match="sel: expected a number for each type"):
        Device(replace(model, sel=(20,)))


def test_the_bits_of_the_file_are_enough():
    model = smooth_model(0)
    same(from_bytes(to_bytes(model), "model.pb"), *structure(seed=5))


def test_contributions_of_empty_slots_are_compared():
    """They are rounded to 23 fraction bits; unused types have none."""
    model = smooth_model(0)
    assert 0 < Device(model).empty_slot_error() <= 2.0**-24
    wrong = np.array(model.empty_slots)
    wrong[1, 0, 5] += 1 << 20
    assert Device(replace(model, empty_slots=wrong)).empty_slot_error() == pytest.approx(2.0**-3, abs=2.0**-24)
    assert Device(smooth_model(1)).empty_slot_error() is None
