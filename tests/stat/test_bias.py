"""Energy bias and parameter statistics against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from deepmd_tf.data.dataset import DataSet
from deepmd_tf.data.requirement import DataRequirement
from deepmd_tf.errors import ConfigError
from deepmd_tf.stat.bias import energy_bias
from deepmd_tf.stat.parameters import parameter_statistics

ENERGY = DataRequirement("energy", 1)
TRUE = np.array([-3.0, -5.5])


def samples(make_system, *compositions, energy=None, requirements=(ENERGY,), **settings) -> list:
    """Sampled batches of systems whose energies are sums of ``TRUE`` over their atoms."""
    paths = []
    for i, types in enumerate(compositions):
        total = TRUE[list(types)].sum() if energy is None else energy[i]
        paths.append(make_system(f"s{i}", types=types, arrays={"energy": np.full(3, total)}, **settings))
    return list(DataSet.open(paths, type_map=["O", "H"], requirements=requirements, batch_size=3).sample(10))


def test_additive_energies_are_recovered(make_system):
    np.testing.assert_allclose(energy_bias(samples(make_system, [0, 1, 1], [0, 0, 1]), 2), TRUE, rtol=1e-12)


def test_one_equation_per_frame(make_system):
    """Frames of one composition: the least-squares solution of the mean energy, of smallest norm."""
    found = energy_bias(samples(make_system, [0, 1, 1], energy=[np.array([-9.0, -10.0, -14.0])]), 2)
    np.testing.assert_allclose(found, -11.0 * np.array([1, 2]) / 5, rtol=1e-12)


def test_weights_of_systems_are_their_frames(make_system):
    a = make_system("a", types=[0], nframes=1, arrays={"energy": np.ones(1)})
    b = make_system("b", types=[0], nframes=3, arrays={"energy": np.full(3, 2.0)})
    data = DataSet.open([a, b], requirements=[ENERGY], type_map=["O", "H"], batch_size=1)
    np.testing.assert_allclose(energy_bias(data.sample(10), 2), [7 / 4, 0], rtol=1e-12)


def test_given_bias_stays(make_system):
    found = energy_bias(samples(make_system, [0, 1, 1], energy=[-11.0]), 2, atom_ener=[-1.0, None])
    np.testing.assert_allclose(found, [-1.0, -5.0], rtol=1e-12)
    assert energy_bias(samples(make_system, [0, 0]), 2, atom_ener=[None, 2.5])[1] == 2.5
    with pytest.raises(ConfigError, match="atom_ener: expected one entry per type, 2, found 3"):
        energy_bias([], 2, atom_ener=[1.0, 2.0, None])


def test_a_type_that_does_not_occur(make_system):
    np.testing.assert_allclose(energy_bias(samples(make_system, [0, 0]), 2), [-3.0, 0.0], atol=1e-12)


def test_systems_without_energy_are_left_out(make_system):
    with_energy = samples(make_system, [0, 0, 1], [0, 1])
    (without,) = DataSet.open(
        make_system("none", drop=("energy",)), type_map=["O", "H"], requirements=[ENERGY], batch_size=3
    ).sample(1)
    np.testing.assert_allclose(energy_bias([without, *with_energy], 2), TRUE, rtol=1e-12)
    assert energy_bias([without], 2).tolist() == [0.0, 0.0]
    assert energy_bias([without], 2, atom_ener=[None, 1.5]).tolist() == [0.0, 1.5]


def test_mixed_types_are_counted_per_frame(make_system):
    types = np.array([[0, 1, 1], [1, -1, 0], [0, 0, -1]])
    energy = np.array([sum(TRUE[t] for t in row if t >= 0) for row in types])
    path = make_system(types=[0, 0, 0], arrays={"real_atom_types": types, "energy": energy})
    data = DataSet.open(path, requirements=[ENERGY], batch_size=3)
    np.testing.assert_allclose(energy_bias(data.sample(1), 2), TRUE, rtol=1e-12)


def test_water_as_deepmd_kit_fits(shared_data):
    """deepmd-kit 3.2.0, batch of the first four frames of data_0: bias -93.57367858886715, -187.14735717773434."""
    source = DataSet.open(
        str(shared_data / "water" / "data_0"), type_map=["O", "H"], requirements=[ENERGY], batch_size=4
    )
    batch = source.systems[0].load(0, np.arange(4), [ENERGY])
    found = energy_bias([(source.systems[0], batch)], 2)
    np.testing.assert_allclose(found, [-93.57367858886715, -187.14735717773434], rtol=1e-12)


def test_parameters(make_system):
    fparam = np.array([[1.0, 5.0], [2.0, 5.0], [6.0, 5.0]])
    aparam = np.arange(18.0).reshape(3, 6)
    wanted = [DataRequirement("fparam", 2, must=True), DataRequirement("aparam", 1, atomic=True, must=True)]
    path = make_system(arrays={"fparam": fparam, "aparam": aparam})
    taken = list(DataSet.open(path, requirements=wanted, batch_size=3).sample(1))
    mean, inverse = parameter_statistics(taken, "fparam", 2)
    np.testing.assert_allclose(mean, [3.0, 5.0])
    np.testing.assert_allclose(inverse, [1 / fparam[:, 0].std(), 100.0])
    mean, inverse = parameter_statistics(taken, "aparam", 1)
    np.testing.assert_allclose([mean[0], inverse[0]], [8.5, 1 / np.arange(18.0).std()])
    mean, inverse = parameter_statistics([], "fparam", 2)
    assert mean.tolist() == [0, 0] and inverse.tolist() == [10, 10]
