"""Mean and scale of the environment matrix against the definition, written as plain loops."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from deepmd_tf.data.dataset import DataSet
from deepmd_tf.stat.env import EnvSpec, environment_statistics

RCUT, SMOOTH = 4.0, 1.0


def rows_of(coord, box, types, i, spec) -> np.ndarray:
    """The environment matrix of atom ``i``, [nnei, 4]: nearest neighbours first in the block of their type."""
    near = []
    for cell in itertools.product(range(-2, 3), repeat=3) if box.any() else [(0, 0, 0)]:
        for j, position in enumerate(coord.reshape(-1, 3) + np.array(cell) @ box.reshape(3, 3)):
            r = position - coord.reshape(-1, 3)[i]
            d = np.linalg.norm(r)
            if 0 < d < spec.rcut and types[j] >= 0:
                near.append((d, r, types[j]))
    near.sort(key=lambda n: n[0])
    rows = np.zeros((sum(spec.sel), 4))
    filled = [0] * len(spec.sel)
    for d, r, t in near:
        block = t if len(spec.sel) > 1 else 0
        if filled[block] == spec.sel[block]:
            continue
        u = max(0.0, (d - spec.rcut_smth) / (spec.rcut - spec.rcut_smth))
        s = (u**3 * (-6 * u * u + 15 * u - 10) + 1) / d
        slot = sum(spec.sel[:block]) + filled[block]
        filled[block] += 1
        if (types[i], t) not in spec.exclude_types and (t, types[i]) not in spec.exclude_types:
            rows[slot] = [s, *(s * r / d)]
    return rows


def expected(data: DataSet, spec: EnvSpec) -> tuple[np.ndarray, np.ndarray]:
    mean, scale = np.zeros((spec.ntypes, 4)), np.full((spec.ntypes, 4), 1 / spec.rcut)
    rows = {t: [] for t in range(spec.ntypes)}
    for _, batch in data.sample(100):
        for coord, box, types in zip(batch["coord"], batch["box"], batch["type"]):
            for i in np.flatnonzero(types >= 0):
                rows[types[i]].append(rows_of(coord, box, types, i, spec))
    for t, blocks in rows.items():
        if blocks:
            r, c = np.concatenate(blocks)[:, 0], np.concatenate(blocks)[:, 1:]
            mean[t, 0] = 0.0 if spec.set_davg_zero else r.mean()
            scale[t, 0] = max(np.sqrt((r**2).mean() - r.mean() ** 2), 0.01)
            scale[t, 1:] = max(np.sqrt((c**2).mean() - c.mean(1).mean() ** 2), 0.01)
    row = slice(spec.components)
    return np.tile(mean[:, row], (1, sum(spec.sel))), np.tile(scale[:, row], (1, sum(spec.sel)))


SPECS = {
    "plain": EnvSpec(RCUT, SMOOTH, (6, 8), 2),
    "too few slots": EnvSpec(RCUT, SMOOTH, (2, 1), 2),
    "a type without atoms": EnvSpec(RCUT, SMOOTH, (6, 8, 2), 3),
    "one list for all types": EnvSpec(RCUT, SMOOTH, (12,), 2),
    "excluded pairs": EnvSpec(RCUT, SMOOTH, (6, 8), 2, exclude_types=((0, 1),)),
    "excluded with itself": EnvSpec(RCUT, SMOOTH, (12,), 2, exclude_types=((1, 1), (1, 0))),
    "distances alone": EnvSpec(RCUT, SMOOTH, (6, 8), 2, exclude_types=((1, 1),), components=1),
    "zero mean": EnvSpec(RCUT, SMOOTH, (6, 8), 2, set_davg_zero=True),
}


@pytest.mark.parametrize("name", SPECS)
def test_against_the_definition(make_system, name):
    spec = SPECS[name]
    paths = [make_system("a", nframes=2), make_system("b", types=[0, 1, 1], pbc=False, seed=4, length=5.0)]
    data = DataSet.open(paths, type_map=["O", "H", "X"][: spec.ntypes], batch_size=1, seed=1)
    for found, value in zip(environment_statistics(data.sample(100), spec), expected(data, spec)):
        assert found.shape == (spec.ntypes, spec.components * sum(spec.sel)) and found.dtype == np.float64
        np.testing.assert_allclose(found, value, rtol=1e-10, atol=1e-13)


def test_virtual_atoms_do_not_count(make_system):
    arrays = {"real_atom_types": np.array([[0, 1, 1], [1, -1, 0], [1, 1, -1]])}
    data = DataSet.open(make_system(types=[0, 0, 0], arrays=arrays, length=6.0), batch_size=3, seed=1)
    for found, value in zip(environment_statistics(data.sample(1), SPECS["plain"]), expected(data, SPECS["plain"])):
        np.testing.assert_allclose(found, value, rtol=1e-10, atol=1e-13)


def test_scale_has_a_floor(make_system):
    """A lone pair far apart: nearly all slots are empty and the spread is tiny."""
    coord = np.array([[0, 0, 0, 3.9, 0, 0]])
    data = DataSet.open(make_system(types=[0, 1], nframes=1, pbc=False, arrays={"coord": coord}), batch_size=1)
    _, dstd = environment_statistics(data.sample(1), SPECS["plain"])
    assert (dstd == 0.01).all()


def test_threads_change_no_bit(make_system):
    data = DataSet.open([make_system(f"s{i}", seed=i) for i in range(9)], batch_size=3, seed=1)
    one = environment_statistics(data.sample(1), SPECS["plain"], workers=1)
    four = environment_statistics(data.sample(1), SPECS["plain"], workers=4)
    assert all((a == b).all() for a, b in zip(one, four))


WATER = {  # t_avg, t_std (first two of each type) of a model that deepmd-kit 3.2.0 trained for one step
    (): (
        [0.05031248817851389, 0.04813768934081813],
        [[0.13995655924313227, 0.08586549487004684], [0.12415400910863893, 0.07687938883798714]],
    ),
    ((0, 1),): (
        [0.011284881904255188, 0.02862388620368879],
        [[0.04142780412015541, 0.0247898602511252], [0.08230638819302011, 0.0503112591732104]],
    ),
}


@pytest.mark.parametrize("exclude_types", WATER)
def test_water_as_deepmd_kit_normalises(shared_data, tmp_path, exclude_types):
    """The first four frames of data_0, se_e2_a with rcut 6, rcut_smth 0.5, sel [46, 92]."""
    source = shared_data / "water" / "data_0"
    (tmp_path / "set.000").mkdir()
    for name in ("type.raw", "type_map.raw"):
        (tmp_path / name).write_text((source / name).read_text())
    for key in ("coord", "box"):
        np.save(tmp_path / "set.000" / f"{key}.npy", np.load(source / "set.000" / f"{key}.npy")[:4])
    data = DataSet.open(str(tmp_path), type_map=["O", "H"], batch_size=4, seed=1)
    davg, dstd = environment_statistics(data.sample(10), EnvSpec(6.0, 0.5, (46, 92), 2, exclude_types))
    mean, scale = WATER[exclude_types]
    np.testing.assert_allclose(davg, np.tile(np.array([[m, 0, 0, 0] for m in mean]), 138), rtol=1e-12)
    np.testing.assert_allclose(dstd, np.tile(np.array([[r, a, a, a] for r, a in scale]), 138), rtol=1e-12)
