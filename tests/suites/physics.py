"""What every energy model has to obey, whatever its descriptor. A test class inherits it and names its model.

class TestMine(PhysicsSuite):
    SECTION = {...}   # a `model` section with two types and a cutoff of RCUT or less
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from tests.support.graphs import ModelUnderTest

RCUT = 4.0
STEP = 1e-4


def cluster(n: int = 9, seed: int = 1):
    """Atoms at least 1.1 Å apart in a ball, two types: coord [n, 3], atype [n]."""
    rng = np.random.default_rng(seed)
    coord = np.zeros((1, 3))
    while len(coord) < n:
        trial = rng.uniform(-2.2, 2.2, 3)
        if np.linalg.norm(coord - trial, axis=1).min() > 1.1:
            coord = np.vstack([coord, trial])
    return coord, rng.permutation(np.arange(n) % 2)


def crystal(cell):
    """Eight atoms scattered in a cell: coord, atype."""
    rng = np.random.default_rng(3)
    fractional = (np.stack(np.meshgrid(*[[0.1, 0.6]] * 3), -1).reshape(-1, 3) + rng.uniform(-0.08, 0.08, (8, 3))) % 1.0
    return fractional @ cell, rng.permutation(np.arange(8) % 2)


CUBIC = np.diag([5.2, 5.5, 5.9])
TRICLINIC = np.array([[5.2, 0.0, 0.0], [1.4, 5.1, 0.0], [-0.9, 1.1, 5.3]])


class PhysicsSuite:
    """Inherit and set ``SECTION``."""

    SECTION: dict
    # Å; where two atoms still feel each other.
    INSIDE = RCUT - 0.5

    @pytest.fixture(scope="class")
    @classmethod
    def model(cls):
        return ModelUnderTest(cls.SECTION)

    def test_translation(self, model):
        coord, atype = cluster()
        assert np.allclose(
            model(coord + np.array([1.0, -2.0, 3.0]), atype)["energy"],
            model(coord, atype)["energy"],
            rtol=0,
            atol=1e-11,
        )
        assert abs(model(coord * 1.01, atype)["energy"] - model(coord, atype)["energy"]) > 1e-6

    def test_rotation(self, model):
        coord, atype = cluster()
        turn = Rotation.from_euler("xyz", [0.3, -0.7, 1.9]).as_matrix()
        plain, turned = model(coord, atype), model(coord @ turn.T, atype)
        assert np.allclose(turned["energy"], plain["energy"], rtol=0, atol=1e-11)
        assert np.allclose(turned["force"], plain["force"] @ turn.T, rtol=0, atol=1e-11)
        assert np.allclose(turned["virial"], turn @ plain["virial"] @ turn.T, rtol=0, atol=1e-11)

    def test_permutation(self, model):
        coord, atype = cluster()
        order = np.random.default_rng(5).permutation(len(atype))
        plain, shuffled = model(coord, atype), model(coord[order], atype[order])
        assert np.allclose(shuffled["energy"], plain["energy"], rtol=0, atol=1e-11)
        assert np.allclose(shuffled["force"][0], plain["force"][0][order], rtol=0, atol=1e-11)
        assert abs(model(coord, 1 - atype)["energy"] - plain["energy"]) > 1e-6

    def test_smooth_at_the_cutoff(self, model):
        pair = lambda r: np.array([[0.0, 0, 0], [r, 0, 0]])  # noqa: E731
        types = np.array([0, 1])
        at = {r: model(pair(r), types) for r in (self.INSIDE, RCUT - 1e-4, RCUT + 1e-4, RCUT + 1.0)}
        beyond = at[RCUT + 1.0]["energy"]
        assert np.abs(at[self.INSIDE]["force"]).max() > 1e-6  # control: they do see each other inside
        assert np.allclose(at[RCUT - 1e-4]["energy"], beyond, rtol=0, atol=1e-11)
        assert np.abs(at[RCUT - 1e-4]["force"]).max() < 1e-6
        assert np.array_equal(at[RCUT + 1e-4]["force"], np.zeros((1, 2, 3)))
        assert np.array_equal(at[RCUT + 1e-4]["energy"], beyond)

    def test_far_parts_add_up(self, model):
        (a, ta), (b, tb) = cluster(6, 1), cluster(5, 2)
        both = model(np.vstack([a, b + np.array([30.0, 0, 0])]), np.concatenate([ta, tb]))
        assert np.allclose(both["energy"], model(a, ta)["energy"] + model(b, tb)["energy"], rtol=0, atol=1e-11)

    @pytest.mark.parametrize("cell", [None, CUBIC, TRICLINIC], ids=["open", "cubic", "triclinic"])
    def test_force_is_the_gradient(self, model, cell):
        coord, atype = cluster() if cell is None else crystal(cell)
        force = model(coord, atype, cell)["force"][0]
        n = coord.size
        shifts = np.concatenate([np.eye(n), -np.eye(n), 2 * np.eye(n), -2 * np.eye(n)]).reshape(-1, *coord.shape) * STEP
        e = model(coord + shifts, atype, cell)["energy"].reshape(4, n)
        # Five points: the error of the formula stays below the rounding of the energies.
        slope = (8 * (e[0] - e[1]) - (e[2] - e[3])) / (12 * STEP)
        assert np.abs(-slope.reshape(coord.shape) - force).max() < 1e-7 * max(1.0, np.abs(force).max())

    @pytest.mark.parametrize("cell", [CUBIC, TRICLINIC], ids=["cubic", "triclinic"])
    def test_virial_is_the_strain_derivative(self, model, cell):
        coord, atype = crystal(cell)
        virial = model(coord, atype, cell)["virial"][0]
        slope = np.zeros((3, 3))
        for a in range(3):
            for b in range(3):
                e = {}
                for k in (1, -1, 2, -2):
                    strain = np.eye(3)
                    strain[a, b] += k * STEP  # R' = R strain: row vectors
                    e[k] = model(coord @ strain, atype, cell @ strain)["energy"][0]
                slope[a, b] = (8 * (e[1] - e[-1]) - (e[2] - e[-2])) / (12 * STEP)
        assert np.abs(-slope.T - virial).max() < 1e-7 * max(1.0, np.abs(virial).max())

    @pytest.mark.parametrize("cell", [CUBIC, TRICLINIC], ids=["cubic", "triclinic"])
    def test_small_box_equals_its_supercell(self, model, cell):
        coord, atype = crystal(cell)
        shifts = np.stack(np.meshgrid(*[[0, 1]] * 3), -1).reshape(-1, 3) @ cell
        large = model((coord[:, None] + shifts).reshape(-1, 3), np.repeat(atype, 8), 2 * cell)
        small = model(coord, atype, cell)
        assert np.allclose(large["energy"], 8 * small["energy"], rtol=0, atol=1e-9)
        assert np.allclose(large["force"][0].reshape(8, 8, 3), small["force"][0][:, None], rtol=0, atol=1e-10)
        assert np.allclose(large["virial"], 8 * small["virial"], rtol=0, atol=1e-9)

    def test_triclinic_cell_does_not_depend_on_its_vectors(self, model):
        coord, atype = crystal(TRICLINIC)
        other = np.array([[1, 0, 0], [1, 1, 0], [0, -1, 1]]) @ TRICLINIC
        plain, same = model(coord, atype, TRICLINIC), model(coord, atype, other)
        assert np.allclose(same["energy"], plain["energy"], rtol=0, atol=1e-11)
        assert np.allclose(same["force"], plain["force"], rtol=0, atol=1e-11)

    def test_forces_and_atomic_virials_sum_up(self, model):
        coord, atype = crystal(TRICLINIC)
        got = model(coord, atype, TRICLINIC)
        assert np.abs(got["force"].sum(axis=1)).max() < 1e-11
        assert np.allclose(got["atom_virial"].sum(axis=1), got["virial"], rtol=0, atol=1e-11)
        assert np.allclose(got["atom_energy"].sum(axis=1), got["energy"], rtol=0, atol=1e-11)

    def test_isolated_atom(self, model):
        alone = model([[0.0, 0, 0]], np.array([1]))
        far = model([[0.0, 0, 0], [20.0, 0, 0]], np.array([1, 1]))
        assert np.array_equal(alone["force"], np.zeros((1, 1, 3)))
        assert np.allclose(far["energy"], 2 * alone["energy"], rtol=0, atol=1e-12)

    def test_empty_type(self, model):
        coord, _ = cluster()
        for t in (0, 1):
            got = model([coord, coord + 1.0], np.full(len(coord), t))
            assert np.isfinite(got["energy"]).all()
            assert np.abs(got["force"]).max() > 1e-6
            assert np.allclose(got["force"][0], got["force"][1], rtol=0, atol=1e-12)

    def test_virtual_atoms_change_nothing(self, model):
        coord, atype = cluster()
        plain = model(coord, atype)
        padded = model(np.vstack([coord, [[0.5, 0.5, 0.5]]]), np.append(atype, -1))
        assert np.allclose(padded["energy"], plain["energy"], rtol=0, atol=1e-12)
        assert np.allclose(padded["force"][0][:-1], plain["force"][0], rtol=0, atol=1e-12)
        assert np.array_equal(padded["force"][0][-1], np.zeros(3))

    def test_several_frames_equal_one_by_one(self, model):
        coord, atype = cluster()
        frames = coord + np.random.default_rng(7).normal(0, 0.05, (3, *coord.shape))
        together = model(frames, atype)
        for k, frame in enumerate(frames):
            assert np.allclose(together["force"][k], model(frame, atype)["force"][0], rtol=0, atol=1e-12)


class ExcludedSuite(PhysicsSuite):
    """Of a model in which atoms of type 0 do not see each other."""

    def test_empty_type(self, model):
        coord, _ = cluster()
        assert np.array_equal(model(coord, np.zeros(len(coord), int))["force"], np.zeros((1, len(coord), 3)))
        assert np.abs(model(coord, np.ones(len(coord), int))["force"]).max() > 1e-6
