"""Compressed models obey physics, equal their originals up to interpolation, and converge with the step."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest

from tests.compress.models import error, tabulated
from tests.descriptor import test_hybrid, test_se_e2_a, test_se_e2_r, test_se_e3
from tests.descriptor.test_se_e2_a import VARIANTS, section
from tests.suites.physics import CUBIC, TRICLINIC, PhysicsSuite, cluster, crystal
from tests.support.graphs import ModelUnderTest
from tests.support.numpy_model import ACTIVATION_NAMES


class Compressed:
    """Before a suite: its model with coarse tables, which is another model and obeys physics to rounding as well."""

    SECTION: ClassVar[dict]

    @pytest.fixture(scope="class")
    @classmethod
    def model(cls):
        return tabulated(ModelUnderTest(cls.SECTION), step=0.05)


class TestTwoSided(Compressed, PhysicsSuite):
    SECTION = section()


class TestOneSided(Compressed, PhysicsSuite):
    SECTION = section({"type_one_side": True})


class TestOneSidedExcluded(Compressed, test_se_e2_a.TestExcluded):
    SECTION = section({"type_one_side": True, "exclude_types": [[0, 0]]})


class TestRadial(Compressed, PhysicsSuite):
    SECTION = test_se_e2_r.section()


class TestRadialOneSidedExcluded(Compressed, test_se_e2_r.TestOneSidedExcluded):
    pass


class TestThreeBody(Compressed, PhysicsSuite):
    SECTION = test_se_e3.section()


class TestHybrid(Compressed, PhysicsSuite):
    SECTION = test_hybrid.section()


def frames(cell):
    coord, atype = cluster() if cell is None else crystal(cell)
    shaken = coord + np.random.default_rng(2).normal(0, 0.02, (2, *coord.shape))
    return (shaken, atype) if cell is None else (shaken, atype, cell)


@pytest.mark.parametrize("keys", [keys for keys in VARIANTS.values() if "activation_function" not in keys], ids=str)
def test_equal_to_the_original(keys):
    check_equal(section(keys))


@pytest.mark.parametrize(
    "model",
    [
        test_se_e2_r.section({"resnet_dt": True}),
        test_se_e2_r.section({"type_one_side": True, "exclude_types": [[1, 1], [0, 1]]}),
        test_se_e2_r.section({"sel": [0, 44]}),
        test_se_e3.section({"activation_function": "gelu"}),
        test_se_e3.section({"sel": [13, 0]}),
        test_hybrid.section(),
    ],
    ids=["radial", "radial, excluded", "radial, no slots", "three-body", "three-body, no slots", "hybrid"],
)
def test_other_descriptors_equal_the_original(model):
    check_equal(model)


def check_equal(model):
    original = ModelUnderTest(model)
    found = error(original, tabulated(original), *frames(TRICLINIC))
    # The intervals of products are 10 times wider.
    assert max(found.values()) < (1e-8 if model["descriptor"]["type"] == "se_e3" else 1e-9), found
    assert found["force"] < 1e-7 * np.abs(original(*frames(TRICLINIC))["force"]).max()


@pytest.mark.parametrize("name", [name for name in ACTIVATION_NAMES if not name.startswith(("relu", "silut"))])
def test_smooth_activations(name):
    original = ModelUnderTest(section({"activation_function": name}))
    assert max(error(original, tabulated(original), *frames(CUBIC)).values()) < 1e-9


@pytest.mark.parametrize("name", ["relu", "relu6", "silut"])
def test_activations_with_corners(name):
    original = ModelUnderTest(section({"activation_function": name}))
    coarse, fine = (error(original, tabulated(original, step), *frames(None)) for step in (0.1, 0.001))
    assert fine["energy"] < 1e-6 and fine["energy"] < max(0.1 * coarse["energy"], 1e-10)


def test_linear_networks_are_exact_with_any_step():
    original = ModelUnderTest(section({"activation_function": "linear"}))
    assert max(error(original, tabulated(original, step=2.0), *frames(TRICLINIC)).values()) < 1e-12


def test_error_falls_with_the_fifth_power_of_the_step():
    original = ModelUnderTest(section())
    errors = [error(original, tabulated(original, step), *frames(CUBIC))["force"] for step in (0.4, 0.2)]
    assert errors[0] > 1e-9
    assert np.log2(errors[0] / errors[1]) > 4.0


def test_float32():
    original = ModelUnderTest(section({"precision": "float32"}, {"precision": "float32"}))
    found = error(original, tabulated(original), *frames(TRICLINIC))
    assert found["force"] < 1e-4 * np.abs(original(*frames(TRICLINIC))["force"]).max()


def test_low_precision_of_the_interface():
    original = ModelUnderTest(section(), interface=np.float32)
    assert error(original, tabulated(original), *frames(CUBIC))["force"] < 1e-4


def test_a_type_without_slots():
    original = ModelUnderTest(section({"sel": [40, 0]}))
    assert max(error(original, tabulated(original), *frames(TRICLINIC)).values()) < 1e-9
