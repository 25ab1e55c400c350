"""Sums over tables that follow the weights equal the exact sums, to the error that is measured."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from deepmd_tf.nn.context import FOUND, PORTABLE
from deepmd_tf.nn.embedding import EmbeddingNet
from deepmd_tf.nn.jet import net_jet
from deepmd_tf.nn.tabulated import TableInTheLoop, likely_intervals
from deepmd_tf.stat.ranges import net_range, radial_ranges
from deepmd_tf.tf1 import tf
from tests.descriptor import test_hybrid, test_se_e2_r, test_se_e3
from tests.descriptor.test_se_e2_a import VARIANTS, section
from tests.suites.physics import CUBIC, TRICLINIC, cluster, crystal
from tests.support.graphs import ModelUnderTest

NEAREST = 1.0
NEVER_TABULATED = ("relu", "relu6", "silut")
OTHERS = {
    "radial": test_se_e2_r.section(),
    "radial, one sided, excluded": test_se_e2_r.section({"type_one_side": True, "exclude_types": [[0, 1]]}),
    "radial, excluded": test_se_e2_r.section({"exclude_types": [[0, 0]]}),
    "three-body": test_se_e3.section(),
    "three-body, time steps": test_se_e3.section(
        {"resnet_dt": True, "neuron": [2, 4, 4], "activation_function": "gelu"}
    ),
    "hybrid": test_hybrid.section(),
}
# Those that the tables can get wrong: which networks there are, how layers are joined, what a derivative is.
TABULATED = [
    "two sided",
    "one sided",
    "one sided, excluded",
    "all excluded for a type",
    "doubling, equal and other widths with time steps",
    "first layer of one neuron",
    "a type without slots",
    "gelu",
    "softplus",
]


def with_tables(keys: dict, weights: dict, intervals: int = 256, nearest: float = NEAREST):
    """The two-body model with tables in the loop, and the object that made them."""
    return tabulated_model(section(keys), weights, intervals, nearest)


def tabulated_model(whole: dict, weights: dict, intervals: int, nearest: float = NEAREST):
    """A model section with tables in the loop, and the object that made them."""
    made = TableInTheLoop(FOUND, nearest)
    model = ModelUnderTest(whole, weights=weights, primitives=made.primitives())
    set_intervals(model, made, intervals)
    return model, made


def set_intervals(model, made, intervals: int) -> None:
    """Give all tables this number of intervals."""
    with model.session.graph.as_default():
        model.session.run(tf.global_variables_initializer())
        model.session.run([tf.assign(count, intervals) for count in made.intervals])


def gradients(model, coord, atype, cell) -> dict[str, np.ndarray]:
    """Of a loss of forces and virials by the weights of the embedding networks: what training uses."""
    with model.session.graph.as_default():
        loss = tf.reduce_sum(tf.square(model.output.force)) + tf.reduce_sum(tf.square(model.output.virial))
        weights = {name: tensor for name, tensor in model.store.tensors.items() if name.startswith("filter_")}
        pairs = zip(weights, tf.gradients(loss, list(weights.values())))
        found = {name: gradient for name, gradient in pairs if gradient is not None}
    return model.session.run(found, model.feeds(coord, atype, cell))


@pytest.mark.parametrize("name", [*TABULATED, *NEVER_TABULATED, *OTHERS])
def test_equal_in_all_variants(name):
    whole = OTHERS[name] if name in OTHERS else section(VARIANTS[name])
    exact = ModelUnderTest(whole)
    # Products of two rows have a far wider range than rows.
    wide = name.startswith("three") or name == "hybrid"
    tabulated, made = tabulated_model(whole, exact.weights, 4096 if wide else 256)
    assert (not made.intervals) == (name in NEVER_TABULATED)
    for coord, atype, cell in ((*cluster(), None), (*crystal(CUBIC), CUBIC)):
        assert_equal(exact(coord, atype, cell), tabulated(coord, atype, cell))
    a, b = (gradients(model, coord, atype, cell) for model in (exact, tabulated))
    assert a.keys() == b.keys() and a
    scale = max(np.abs(value).max() for value in a.values())
    for key in a:
        assert np.allclose(a[key], b[key], rtol=0, atol=1e-8 * scale), key


def assert_equal(exact: dict, tabulated: dict):
    for key, value in exact.items():
        assert np.allclose(tabulated[key], value, rtol=0, atol=1e-10 * max(1.0, np.abs(value).max())), key


def test_few_slots_virtual_atoms_and_no_neighbours():
    keys = {"sel": [5, 5]}
    exact = ModelUnderTest(section(keys))
    tabulated, _ = with_tables(keys, exact.weights)
    coord, atype = cluster()
    cases = [
        (*crystal(TRICLINIC), TRICLINIC),
        (np.array([[0.0, 0, 0], [20.0, 0, 0]]), np.array([0, 1]), None),
        (np.vstack([coord, [[0.5, 0.5, 0.5]]]), np.append(atype, -1), None),
    ]
    for coord, atype, cell in cases:
        assert_equal(exact(coord, atype, cell), tabulated(coord, atype, cell))


def test_float32_networks():
    keys = {"precision": "float32"}
    exact = ModelUnderTest(section(keys))
    tabulated, made = with_tables(keys, exact.weights)
    coord, atype = crystal(CUBIC)
    a, b = exact(coord, atype, CUBIC), tabulated(coord, atype, CUBIC)
    assert made.intervals
    assert np.allclose(b["force"], a["force"], rtol=0, atol=2e-5 * np.abs(a["force"]).max())


def test_half_precision_and_slots_that_differ_stay_exact():
    exact = ModelUnderTest(section({"precision": "bfloat16"}))
    _, made = with_tables({"precision": "bfloat16"}, exact.weights)
    assert not made.intervals
    weights = dict(ModelUnderTest(section()).weights)
    weights["descrpt_attr/t_std"] = weights["descrpt_attr/t_std"] * np.linspace(1, 1.1, 4 * 84)
    model, made = with_tables({}, weights)
    assert not made.intervals
    coord, atype = cluster()
    expected = ModelUnderTest(section(), weights=weights)(coord, atype)
    assert np.allclose(model(coord, atype)["force"], expected["force"], rtol=0, atol=1e-12)


def test_the_measured_error_is_the_error():
    """In the middle of the intervals, against the interpolation polynomial of six conditions solved for here."""
    exact = ModelUnderTest(section({"type_one_side": True}))
    model, made = with_tables({"type_one_side": True}, exact.weights, intervals=16)
    with model.session.graph.as_default():
        measured = model.session.run(made.errors[0])
    w = exact.weights
    ranges = radial_ranges(w["descrpt_attr/t_avg"], w["descrpt_attr/t_std"], 0.8 * NEAREST, 4.0, 1.0)
    worst = 0.0
    for tj in range(2):
        lower, upper = net_range(ranges, (-1, tj))
        knots = np.linspace(lower, upper, 17)
        with tf.Graph().as_default(), tf.Session() as session:
            layers = [
                (
                    tf.constant(w[f"filter_type_all/matrix_{k}_{tj}"]),
                    tf.constant(w[f"filter_type_all/bias_{k}_{tj}"]),
                    None,
                )
                for k in (1, 2)
            ]
            net = EmbeddingNet(layers, "tanh")
            jet = session.run(net_jet(net, tf.constant(knots[:, None])))
            middle = session.run(net_jet(net, tf.constant((knots[1:] + knots[:-1])[:, None] / 2)))
        h = knots[1] - knots[0]
        rows = [[x**p for p in range(6)] for x in (0, h)]
        rows += [[p * x ** max(p - 1, 0) for p in range(6)] for x in (0, h)]
        rows += [[p * (p - 1) * x ** max(p - 2, 0) for p in range(6)] for x in (0, h)]
        for i in range(16):
            conditions = np.concatenate([jet[i : i + 2, order] for order in range(3)])
            c = np.linalg.solve(np.array(rows, float), conditions)
            value = sum(c[p] * (h / 2) ** p for p in range(6))
            slope = sum(p * c[p] * (h / 2) ** (p - 1) for p in range(1, 6))
            worst = max(
                worst,
                np.abs(value - middle[i, 0]).max() / np.abs(jet[:, 0]).max(),
                np.abs(slope - middle[i, 1]).max() / np.abs(jet[:, 1]).max(),
            )
    assert measured == pytest.approx(worst, rel=1e-6)


def test_error_falls_with_the_fifth_power_of_the_interval():
    exact = ModelUnderTest(section())
    model, made = with_tables({}, exact.weights, intervals=16)
    errors = []
    with model.session.graph.as_default():
        (error,) = made.errors
        for intervals in (32, 64, 128):
            model.session.run(tf.assign(made.intervals[0], intervals))
            errors.append(model.session.run(error))
    assert errors[0] / errors[1] > 20 and errors[1] / errors[2] > 20


def test_look_ups_beyond_the_ends_are_counted():
    exact = ModelUnderTest(section())
    # Tables that end where atoms are 2.5 Å apart, for a cluster with atoms 1.1 Å apart.
    model, made = with_tables({}, exact.weights, nearest=3.2)
    coord, atype = cluster()
    distance = np.linalg.norm(coord[:, None] - coord[None], axis=-1) + 100 * np.eye(len(coord))
    with model.session.graph.as_default():
        count = model.session.run(tf.add_n(made.outside), model.feeds(coord, atype))
    assert 0 < count <= (distance < 2.56).sum()
    wide, made = with_tables({}, exact.weights)
    with wide.session.graph.as_default():
        assert wide.session.run(tf.add_n(made.outside), wide.feeds(coord, atype)) == 0


def test_a_neighbor_at_the_cutoff_is_not_beyond():
    """Its s(r), without a mean, is 0 but for rounding, to either side; that of an empty slot is 0."""
    keys = {"set_davg_zero": True}
    model, made = with_tables(keys, ModelUnderTest(section(keys)).weights)
    cutoff, atype = section()["descriptor"]["rcut"], np.array([0, 0])
    with model.session.graph.as_default():
        count = tf.add_n(made.outside)
        for ulps in range(1, 60):
            coord = np.array([[0.0, 0.0, 0.0], [cutoff - ulps * np.spacing(cutoff), 0.0, 0.0]])
            assert model.session.run(count, model.feeds(coord, atype)) == 0, ulps


def test_portable_graphs_hold_no_tables():
    graph = ModelUnderTest(section(), primitives=PORTABLE).session.graph
    assert not [op for op in graph.get_operations() if op.type.startswith("Dp")]


def test_foreseen_knots_are_about_those_that_are_needed(monkeypatch):
    """Each sum has a number of its own: a quarter of what is foreseen does not do, four times that does."""
    foreseen = []
    monkeypatch.setattr(
        TableInTheLoop,
        "pays",
        lambda self, ranges, pieces, slots: not foreseen.append(max(likely_intervals(ends, pieces) for ends in ranges)),
    )
    whole = test_hybrid.section()
    model, made = tabulated_model(whole, ModelUnderTest(whole).weights, 128)
    assert len(made.intervals) == len(foreseen) == len(set(foreseen)) == 3
    for error, count, intervals in zip(made.errors, made.intervals, foreseen):
        for few, factor in ((True, 1 / 4), (False, 4)):
            with model.session.graph.as_default():
                model.session.run(tf.assign(count, 4 * round(intervals * factor / 4)))
            assert (model.session.run(error) > 1e-9) == few, (intervals, factor)


def test_small_batches_are_evaluated_without_tables(caplog):
    caplog.set_level(logging.INFO)
    whole = test_hybrid.section()
    exact = ModelUnderTest(whole)
    for atoms, tables in ((1, 0), (1e6, 3)):
        made = TableInTheLoop(FOUND, NEAREST, atoms)
        ModelUnderTest(whole, weights=exact.weights, primitives=made.primitives())
        assert len(made.intervals) == tables
    assert "tables would have" in caplog.text
