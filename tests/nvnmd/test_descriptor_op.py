"""The descriptor in one op against the ops of the format in a row: the same bits, forward and for the forces."""

from __future__ import annotations

import numpy as np
import pytest

from deepmd_tf.nn.context import FOUND, PORTABLE
from deepmd_tf.ops.session import evaluate
from deepmd_tf.tf1 import tf
from nvnmd.ops.library import op_module
from tests.nvnmd.simulated import structure
from tests.nvnmd.test_quantized import KINDS, graph


def derivatives(version: int, max_nnei: int, primitives, edge: float, size: float = 1.0, h=None):
    """Descriptor, its gradient by the rows for a cotangent c, the gradient of that by c for h, neighbours and c."""
    model, (coord, box, types) = graph(version, max_nnei, primitives=primitives), structure(edge=edge)
    feeds = model.feeds(np.stack([coord, coord + 0.05]), types, np.stack([box, box]))
    with model.session.graph.as_default():
        names = ("o_descriptor:0", "o_rmat:0", "o_nlist:0")
        d, rows, nlist = map(model.session.graph.get_tensor_by_name, names)
        c = tf.placeholder(tf.float64, d.shape)
        (slopes,) = tf.gradients(d, rows, grad_ys=c)
        seed = tf.placeholder(tf.float64, rows.shape)
        (second,) = tf.gradients(slopes, c, grad_ys=seed)
    given = np.random.default_rng(1).normal(scale=size, size=(2, len(types), 128))
    value, neighbors = model.session.run([d, nlist], feeds)
    there = (neighbors >= 0).reshape(-1)
    h = np.random.default_rng(2).normal(size=(len(there), 4)) * there[:, None]
    first, second = model.session.run([slopes, second], feeds | {c: given, seed: h.reshape(2 * len(types), -1)})
    return value, first.reshape(-1, 4)[there], second, h[there], given


@pytest.mark.parametrize("edge", [11.0, 25.0], ids=["full", "mostly empty"])
@pytest.mark.parametrize(("version", "max_nnei"), KINDS)
def test_the_same_bits_as_the_ops_in_a_row(version, max_nnei, edge):
    apart, at_once = (derivatives(version, max_nnei, primitives, edge) for primitives in (PORTABLE, FOUND))
    assert np.array_equal(apart[0], at_once[0]) and np.array_equal(apart[1], at_once[1])
    assert apart[1].any(axis=0).all()


@pytest.mark.parametrize("version", [0, 1])
def test_long_sums(version):
    """Derivatives of 2^30 and more: their sums have more bits than float64."""
    apart, at_once = (derivatives(version, 128, primitives, 11.0, 2.0**34) for primitives in (PORTABLE, FOUND))
    assert np.array_equal(apart[1], at_once[1])


@pytest.mark.parametrize(("version", "max_nnei"), KINDS)
def test_of_second_order_it_is_exact(version, max_nnei):
    """The transposed of what is applied to c, up to the truncation of that; that of the ops in a row is rounded."""
    _, first, second, h, c = derivatives(version, max_nnei, FOUND, 11.0)
    np.testing.assert_allclose(np.sum(h * first), np.sum(second * c), rtol=0, atol=1e-5 * np.sum(np.abs(second * c)))
    apart = derivatives(version, max_nnei, PORTABLE, 11.0)[2]
    np.testing.assert_allclose(second, apart, rtol=0, atol=1e-5 * np.abs(apart).max())


def op_inputs(version: int) -> dict[str, np.ndarray]:
    """One frame of two atoms and a virtual one, two types, three slots."""
    n, types = (2, 0) if version == 0 else (1, 2)
    return dict(
        rows=np.zeros((1, 3 * 3 * 4)),
        nlist=np.int32([[1, -1, -1, 0, -1, -1, -1, -1, -1]]),
        type=np.int32([[0, 1, -1]]),
        u_groups=np.array([0, 64, 1 / 8, 0, 512]),
        s_groups=np.array([0, 1, 1 / 256, 0, 256, 0, 16, 1 / 16, 256, 512]),
        switches=np.ones((n, 512, 4, 2)),
        switch_slopes=np.ones((n, 512, 4, 2)),
        features=np.ones((n, 512, 4, 32)),
        feature_slopes=np.ones((n, 512, 4, 32)),
        scales=np.ones((types, 2)),
        factors=np.ones((types, types, 32)),
    )


def run(version: int, **changes):
    sel = changes.pop("sel", [2, 1] if version == 0 else [3])
    feeds = {name: np.asarray(value) for name, value in (op_inputs(version) | changes).items()}

    # Shapes that are not known when the graph is built are checked when it runs.
    def build(**given):
        given = {name: tf.placeholder_with_default(value, None) for name, value in given.items()}
        return op_module().dp_nvnmd_descriptor(**given, sel=sel, scale=0.5)

    return evaluate(build, feeds)


@pytest.mark.parametrize("version", [0, 1])
def test_virtual_atoms_have_no_descriptor(version):
    d = run(version).reshape(3, 128)
    assert d[:2].any(axis=1).all() and not d[2].any()


@pytest.mark.parametrize(
    ("version", "changes", "message"),
    [
        (0, dict(type=np.int32([[0, 2, -1]])), "type of atom 1: expected less than 2, found 2"),
        (1, dict(nlist=np.full((1, 9), 3, np.int32)), "nlist: expected atoms below 3, found 3"),
        (
            0,
            dict(nlist=np.zeros((1, 8), np.int32)),
            r"nlist: expected 3 slots for each atom of type, found shapes \[1,8\]",
        ),
        (0, dict(rows=np.zeros((1, 27))), r"rows: expected shape \[1,36\], found \[1,27\]"),
        (0, dict(features=np.ones((1, 512, 4, 32))), r"features: expected shape \[2,512,4,32\], found \[1,512,4,32\]"),
        (1, dict(factors=np.ones((3, 3, 32))), r"factors: expected shape \[2,2,32\], found \[3,3,32\]"),
        (1, dict(sel=[2, 1]), "sel: expected one number in version 1, found 2"),
        (0, dict(u_groups=np.array([0, 64, 1 / 8, 0, 513])), "invalid interval in table_info, group 0"),
    ],
)
def test_what_does_not_fit(version, changes, message):
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        run(version, **changes)


def test_shapes_are_checked_when_the_graph_is_built():
    op = op_module().dp_nvnmd_descriptor
    inputs = op_inputs(0)
    with tf.Graph().as_default():
        d = op(**{name: tf.constant(value) for name, value in inputs.items()}, sel=[2, 1], scale=0.5)
        assert d.shape.as_list() == [1, 3 * 128]
        with pytest.raises(ValueError, match="evenly divisible"):
            op(**{name: tf.constant(value) for name, value in inputs.items()}, sel=[2, 2], scale=0.5)
