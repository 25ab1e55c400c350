"""Energies of models with attention by the equations in NumPy: those of graphs; forces are left to differences."""

from __future__ import annotations

import numpy as np
import pytest

from deepmd_tf.errors import ModelFormatError
from deepmd_tf.selfcheck import checks
from deepmd_tf.selfcheck.frames import Frame
from deepmd_tf.selfcheck.numpy_mixed import is_told_types, predict
from tests.descriptor.test_se_atten import VARIANTS, section
from tests.suites.physics import TRICLINIC, cluster, crystal
from tests.support.graphs import ModelUnderTest

PARTS = [{**section(VARIANTS[name])["descriptor"], "sel": sel} for name, sel in (("smooth", 20), ("reference, v2", 84))]
MODELS = {
    **{name: section(VARIANTS[name]) for name in ("concat", "strip, one side", "v2", "reference, smooth strip")},
    "types not told": section(VARIANTS["types not told to the fitting"]),
    "own vectors": section(type_embedding={"neuron": [3, 6], "resnet_dt": True, "use_tebd_bias": True}),
    "atom_ener, parameters": section({}, {"atom_ener": [None, -0.7], "numb_fparam": 2, "numb_aparam": 1}),
    "hybrid": {**section(), "descriptor": {"type": "hybrid", "list": PARTS}},
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("cell", [None, TRICLINIC], ids=["open", "periodic"])
def test_energies_of_graphs(name, cell):
    graph = ModelUnderTest(MODELS[name])
    coord, types = cluster() if cell is None else crystal(cell)
    rng = np.random.default_rng(2)
    given = {"fparam": rng.normal(size=2), "aparam": rng.normal(size=(len(types), 1))} if "param" in name else {}
    found = predict(coord, types, cell, graph.section, graph.weights, **given)
    expected = graph(coord, types, cell, **given)
    assert np.abs(found.atom_energy - expected["atom_energy"][0]).max() < 1e-12
    assert np.ptp(found.atom_energy) > 1e-3


def test_virtual_atoms_have_no_energy():
    graph = ModelUnderTest(MODELS["concat"])
    coord, types = cluster()
    found = predict(np.vstack([coord, coord[:1] + 0.3]), np.append(types, -1), None, graph.section, graph.weights)
    expected = predict(coord, types, None, graph.section, graph.weights)
    assert found.atom_energy[-1] == 0.0
    np.testing.assert_allclose(found.atom_energy[:-1], expected.atom_energy, rtol=0, atol=1e-13)


def test_a_check_compares_energies_alone():
    graph = ModelUnderTest(MODELS["v2"])
    coord, types = cluster()
    frame = Frame("here", coord, types, None, None, None)
    (expected,) = checks.evaluate_numpy(graph.section, graph.weights, np.float64, [frame])
    assert expected.force is None and expected.virial is None
    found = expected._replace(energy=expected.energy + 1e-3, force=np.zeros((9, 3)), virial=np.zeros(9))
    check = checks.compare("equations in NumPy", [frame], [found], [expected], 1e-10, "float64")
    assert set(check.errors) == {"energy"} and len(check.failures) == 1


def test_tables_have_no_equations():
    graph = ModelUnderTest(MODELS["concat"])
    weights = {name: w for name, w in graph.weights.items() if not name.startswith("filter_type_all")}
    with pytest.raises(ModelFormatError, match="attention with tables"):
        predict(*cluster(), None, graph.section, weights)
    assert not is_told_types({"descriptor": {"type": "se_e2_a"}})
