"""Counts of look-ups and differences, against all pairs of a small cluster taken one by one."""

from __future__ import annotations

import numpy as np
import pytest

from deepmd_tf.compress.lookups import count
from deepmd_tf.compress.measure import ENERGY, FORCE, VIRIAL, Frames, differences
from deepmd_tf.compress.table import Spacing
from deepmd_tf.compress.tables import plan_tables
from deepmd_tf.data.system import System
from deepmd_tf.stat.ranges import switch
from tests.descriptor.test_se_e2_a import section
from tests.support.graphs import ModelUnderTest
from tests.support.systems import write_system

# Half of the pairs of these atoms are nearer than the training data are said to be.
NEAREST = 2.2


def cluster(tmp_path):
    """One frame without a box: coord [N, 3], types [N] and the loaded frames."""
    rng = np.random.default_rng(3)
    coord = rng.uniform(0, 3.2, (7, 3))
    types = np.array([0, 0, 0, 1, 1, 1, 1])
    path = write_system(tmp_path / "s", types, type_map=("A", "B"), nframes=1, pbc=False,
                        arrays={"coord": coord.reshape(1, -1)})  # fmt: skip
    system = System.open(path, ["A", "B"])
    return coord, types, Frames([(system, system.load(0, [0], []))])


@pytest.mark.parametrize("one_side", [False, True])
def test_every_pair_counts_once(one_side, tmp_path):
    model = ModelUnderTest(section({"type_one_side": one_side, "exclude_types": [[0, 0]], "sel": [9, 9]}))
    coord, types, frames = cluster(tmp_path)
    d = model.section["descriptor"]
    plans = plan_tables(model.model, model.weights, model.dtype, NEAREST, Spacing(extrapolate=1.2))
    found = count(plans, frames)
    name = (lambda a, b: f"filter_type_all/_{b}") if one_side else (lambda a, b: f"filter_type_{a}/_{b}")
    assert set(found) == {(name(a, b), a, b) for a, b in ((0, 1), (1, 0), (1, 1))}
    grids = {plan.name: plan.grid for plan in plans}
    seen = 0
    for (table, a, b), one in found.items():
        mean, scale = (model.weights[f"descrpt_attr/{key}"][a, 0] for key in ("t_avg", "t_std"))
        pairs = [(i, j) for i in range(7) for j in range(7) if i != j and (types[i], types[j]) == (a, b)]
        r = np.array([np.linalg.norm(coord[i] - coord[j]) for i, j in pairs])
        r = r[r < d["rcut"]]
        x = (np.array([switch(one, d["rcut"], d["rcut_smth"]) for one in r]) / r - mean) / scale
        assert (one.total, one.nearest) == (len(r), pytest.approx(r.min(), abs=1e-6))
        assert one.outside == (x > grids[table].upper).sum()
        assert one.beyond == (x > grids[table].largest).sum()
        seen += one.outside
    assert seen > 0


def test_differences(tmp_path):
    _, types, _ = cluster(tmp_path)
    data = {"coord": np.zeros((2, 21)), "type": np.array([types, [*types[:-1], -1]])}
    rng = np.random.default_rng(0)
    shapes = ((2, 1), (2, 7, 3), (2, 9))
    before = tuple(rng.normal(0, 1, shape) for shape in shapes)
    change = tuple(rng.normal(0, 1, shape) for shape in shapes)
    change[1][1, 6] = 100.0  # a virtual atom
    found = differences(Frames([(None, data)]), [before], [tuple(a + b for a, b in zip(before, change))])
    forces = np.concatenate([change[1][0].ravel(), change[1][1, :6].ravel()])
    natoms = np.array([[7], [6]])
    for name, values in ((ENERGY, change[0] / natoms), (FORCE, forces), (VIRIAL, change[2] / natoms)):
        assert found[name].largest == pytest.approx(np.abs(values).max(), abs=1e-12)
        assert found[name].rms == pytest.approx(np.sqrt((values**2).mean()), abs=1e-12)
