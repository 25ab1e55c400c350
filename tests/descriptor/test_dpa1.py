"""The classes of DPA-1 by themselves; tests/interop/test_dpa1_classes.py holds their numbers to deepmd-kit's."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from deepmd_tf.descriptor import (
    DescrptBlockSeAtten,
    DescrptDPA1,
    GatedAttentionLayer,
    NeighborGatedAttention,
    NeighborGatedAttentionLayer,
)
from deepmd_tf.errors import ConfigError, ModelFormatError
from deepmd_tf.nn.dialect import DIALECTS, REFERENCE_AS_STORED
from deepmd_tf.selfcheck.numpy_atten import descriptor as equations
from tests.suites.physics import CUBIC, cluster, crystal
from tests.support import dpa1

RCUT = 4.0
SMALL = dict(rcut=RCUT, rcut_smth=1.0, sel=[40, 44], ntypes=2, neuron=[4, 8], axis_neuron=3, tebd_dim=3, attn=5, seed=1)
OPTIONS = {
    "default": {},
    "strip": {"tebd_input_mode": "strip", "exclude_types": [(0, 1)], "resnet_dt": True},
    "strip, one side": {"stripped_type_embedding": True, "type_one_side": True, "env_protection": 0.2},
    "not smooth": {"smooth_type_embedding": False, "normalize": False, "temperature": 0.4, "use_tebd_bias": True},
    "elements": {"use_econf_tebd": True, "type_map": ["O", "H"], "concat_output_tebd": False, "scaling_factor": 2.0},
}


def made(dialect: str = "reference", mean: bool = True, **options) -> DescrptDPA1:
    """A small descriptor with statistics, mean included, and layer norms as after training."""
    found = DescrptDPA1(**SMALL, **options, dialect=dialect)
    rng, block = np.random.default_rng(4), found.se_atten
    block.stddev = np.tile(rng.uniform(0.1, 0.4, (2, 1, 4)), (1, 84, 1))
    if mean:
        block.mean = np.tile(rng.normal(0, 0.05, (2, 1, 4)), (1, 84, 1))
    for layer in block.dpa1_attention.attention_layers:
        layer.gamma, layer.beta = rng.normal(1, 0.2, 8), rng.normal(size=8)
    return found


@pytest.mark.parametrize("cell", [None, CUBIC], ids=["open", "periodic"])
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", OPTIONS)
def test_equals_the_equations(name, dialect, cell):
    found = made(dialect, **OPTIONS[name])
    coord, atype = cluster() if cell is None else crystal(cell)
    data = found.serialize()
    section, weights = dpa1.section_of(data), dpa1.weights_of(data)
    expected = equations(section, weights, coord, atype, cell, DIALECTS[dialect], single_cutoffs=False)
    values = found.evaluate(coord[None], cell, atype)
    # Where nothing is smooth, the switch of this dialect is left as the network would see it.
    same_switch = dialect == "reference" or found.smooth_type_embedding
    for k, key in ((0, "D"), (1, "rot_mat"), *([(4, "sw")] if same_switch else [])):
        np.testing.assert_allclose(values[k][0].reshape(expected[key].shape), expected[key], rtol=0, atol=1e-12)
    assert values[0].shape == (1, len(atype), found.dim_out) and values[2] is values[3] is None
    _, g2, h2, *_ = found.se_atten.evaluate(coord, cell, atype, found.type_embedding.table())
    np.testing.assert_allclose(h2[0], expected["h2"], rtol=0, atol=1e-12)
    np.testing.assert_allclose(g2[0], expected["g2"], rtol=0, atol=1e-12)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("mean", [False, True])
def test_a_dictionary_is_the_same_descriptor(name, dialect, mean):
    found = made(dialect, mean, **OPTIONS[name])
    data = found.serialize()
    # What the reference would read differently, it is to refuse.
    own = {"dialect"} if dialect == "tensorflow" else {"first_atom_pads"} if mean else set()
    assert set(data) & {"dialect", "first_atom_pads"} == own
    coord, atype = cluster()
    again = DescrptDPA1.deserialize(copy.deepcopy(data))
    for a, b in zip(found.evaluate(coord, None, atype), again.evaluate(coord, None, atype)):
        assert a is b is None or np.array_equal(a, b)
    assert again.serialize().keys() == data.keys()


def test_order_of_atoms_matters_only_where_the_first_one_pads():
    coord, atype = cluster()
    order = np.argsort(atype == atype[0])
    assert atype[order[0]] != atype[0]
    change = {}
    for pads in (False, True):
        found = made(mean=True)
        found.se_atten.first_atom_pads = pads
        plain, other = found.evaluate(coord, None, atype), found.evaluate(coord[order], None, atype[order])
        change[pads] = np.abs(other[0][0] - plain[0][0][order]).max()
        expected = equations(
            dpa1.section_of(found.serialize()), dpa1.weights_of(found.serialize()), coord, atype, None,
            REFERENCE_AS_STORED if pads else DIALECTS["reference"], single_cutoffs=False,
        )  # fmt: skip
        np.testing.assert_allclose(plain[0][0], expected["D"], rtol=0, atol=1e-12)
    assert change[False] < 1e-12 and change[True] > 1e-6


@pytest.mark.parametrize("dialect", DIALECTS)
def test_smooth_at_the_cutoff(dialect):
    """An atom moves in; without smoothing, attention sees it at once."""
    jump = {}
    for smooth in (True, False):
        found = made(dialect, mean=False, smooth_type_embedding=smooth, attn_dotr=False)
        frames = [[[0, 0, 0], [0, 1.2, 0], [x, 0, 0]] for x in (RCUT - 1e-4, RCUT + 1e-4)]
        inside, outside = found.evaluate(frames, None, [0, 1, 1])[0]
        jump[smooth] = np.abs(inside[0] - outside[0]).max()
    assert jump[True] < 1e-9 and jump[False] > 1e-5


def test_virtual_atoms_and_frames_of_several_types():
    found = made()
    (a, types_a), (b, types_b) = cluster(9, 1), cluster(6, 2)
    coords = np.stack([a, np.concatenate([b, np.zeros((3, 3))])])
    values = found.evaluate(coords, None, np.stack([types_a, [*types_b, -1, -1, -1]]))
    for k, (coord, types) in enumerate([(a, types_a), (b, types_b)]):
        np.testing.assert_allclose(values[0][k][: len(types)], found.evaluate(coord, None, types)[0][0], atol=1e-13)
    assert not values[0][1][6:].any() and not values[1][1][6:].any()


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def test_heads_attend_each_by_itself():
    layer = GatedAttentionLayer(4, 3, 6, num_heads=2, normalize=False, smooth=False, seed=1)
    x = np.random.default_rng(0).normal(size=(2, 4, 3))
    q, k, v = np.split(x @ layer.in_proj.w + layer.in_proj.b, 3, axis=-1)
    heads = [slice(0, 3), slice(3, 6)]
    seen = [softmax(q[..., h] @ k[..., h].swapaxes(1, 2) / np.sqrt(3)) @ v[..., h] for h in heads]
    expected = np.concatenate(seen, axis=-1) @ layer.out_proj.w + layer.out_proj.b
    np.testing.assert_allclose(layer.evaluate(x, np.ones((2, 4))), expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("of_frames", [True, False], ids=["types of each frame", "types of all frames"])
def test_statistics(of_frames):
    """By the sums of the definition, over all slots of all atoms of a type."""
    found = made(set_davg_zero=False, mean=False, env_protection=0.3, exclude_types=[(0, 1)])
    coord, atype = crystal(CUBIC)
    types = np.where(atype == 1, 0, -1)
    frames = {"coord": np.stack([coord] * 2), "atype": np.stack([types] * 2) if of_frames else types}
    found.compute_input_stats([{**frames, "box": np.stack([CUBIC] * 2)}])
    alone = coord[atype == 1]
    rows = []
    shifts = np.stack(np.meshgrid(*[[-1, 0, 1]] * 3), -1).reshape(-1, 3) @ CUBIC
    for i, center in enumerate(alone):
        for j, other in enumerate(alone):
            for v in other + shifts - center:
                r = np.linalg.norm(v)
                if (i != j or r > 0) and r < RCUT:
                    u = np.clip((r - 1.0) / 3.0, 0, 1)
                    s = u**3 * (-6 * u**2 + 15 * u - 10) + 1
                    rows.append(s * np.array([1 / (r + 0.3), *(v / (r + 0.3) ** 2)]))
    rows, n = np.array(rows), 84 * len(alone)
    mean = rows[:, 0].sum() / n
    scale = np.sqrt((rows[:, 0] ** 2).sum() / n - mean**2)
    around = np.sqrt((rows[:, 1:] ** 2).sum() / (3 * n) - (rows[:, 1:].sum() / (3 * n)) ** 2)
    np.testing.assert_allclose(found.se_atten.mean[0], np.tile([mean, 0, 0, 0], (84, 1)), rtol=1e-12)
    np.testing.assert_allclose(found.se_atten.stddev[0], np.tile([scale, *[around] * 3], (84, 1)), rtol=1e-12)
    assert not found.se_atten.mean[1].any() and (found.se_atten.stddev[1] == 0.1).all()  # no atoms


@pytest.mark.parametrize("dim", [2, 3, 4, 6])
@pytest.mark.parametrize("econf", [False, True])
def test_other_types_keep_what_they_are(dim, econf):
    """Vectors as wide as there are types, or twice that, add the type itself; before, after, or neither."""
    settings = {**SMALL, "tebd_dim": dim, "use_econf_tebd": econf, "exclude_types": [(1, 1)]}
    found = DescrptDPA1(**settings, type_map=["O", "H"])
    found.se_atten.mean += np.random.default_rng(0).normal(size=(2, 1, 4)) * 0.05
    coord, atype = cluster()
    expected = found.evaluate(coord, None, atype)[0]
    found.change_type_map(["H", "C", "O"])
    assert (found.ntypes, found.exclude_types, found.type_map) == (3, [(0, 0)], ["H", "C", "O"])
    names = np.array([2, 0])[atype]
    np.testing.assert_allclose(found.evaluate(coord, None, names)[0], expected, rtol=0, atol=1e-13)
    again = DescrptDPA1.deserialize(found.serialize())
    np.testing.assert_allclose(again.evaluate(coord, None, names)[0], expected, rtol=0, atol=1e-13)
    assert np.isfinite(found.evaluate(coord, None, np.ones(len(names), int))[0]).all()


def layer(**options) -> dict:
    return {"nnei": 4, "embed_dim": 3, "hidden_dim": 6, **options}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: DescrptDPA1(**SMALL, attn_mask=True), "attn_mask = True is not supported"),
        (lambda: DescrptDPA1(**SMALL, spin={}), "spin: only None is supported"),
        (lambda: DescrptDPA1(**SMALL, tebd_input_mode="both"), "tebd_input_mode: expected one of concat, strip"),
        (lambda: DescrptDPA1(**SMALL, dialect="torch"), "dialect: expected one of reference, tensorflow"),
        (lambda: DescrptDPA1(**SMALL, use_econf_tebd=True), "electron configurations need the elements"),
        (lambda: DescrptDPA1(**SMALL, precision="float8"), "precision 'float8' is not known"),
        (lambda: DescrptDPA1(**SMALL, env_protection=-1.0), "env_protection: expected a length >= 0"),
        (lambda: DescrptDPA1(**SMALL, scaling_factor=0.0), "scaling_factor: expected a number > 0"),
        (lambda: DescrptDPA1(**{**SMALL, "rcut_smth": 4.0}), "DescrptBlockSeAtten/rcut_smth"),
        (lambda: DescrptDPA1(**SMALL).change_type_map(["O"]), "knows no names of its types"),
        (lambda: GatedAttentionLayer(**layer(num_heads=4)), "num_heads: expected a divisor of hidden_dim = 6"),
        (lambda: NeighborGatedAttentionLayer(**layer(do_mask=True)), "do_mask = True is not supported"),
        (lambda: NeighborGatedAttention(2, **layer()).evaluate(np.ones((1, 4, 3)), np.ones((1, 4))), "sw is needed"),
    ],
)
def test_refused(make, message):
    with pytest.raises(ConfigError, match=message):
        make()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"@version": 5}, "@version: expected 1 to 4, found 5"),
        ({"@version": None}, "@version: expected 1 to 4, found None"),
        ({"lmax": 2, "@version": 4}, "lmax = 2 is not supported"),
        ({"compress": {}, "@version": 3}, "compressed dictionaries are not read"),
        ({"attn_layers": 2}, "unknown key attn_layers"),
        ({"embeddings": ...}, "the dictionary has no embeddings"),
        ({"type_embedding": ...}, "no type_embedding"),
        ({"rcut": ...}, "rcut"),
    ],
)
def test_dictionaries_that_are_refused(change, message):
    data = {**DescrptDPA1(**SMALL).serialize(), **change}
    with pytest.raises(ModelFormatError, match=message):
        DescrptDPA1.deserialize({key: value for key, value in data.items() if value is not ...})


def test_single_precision_and_defaults():
    found = DescrptDPA1(RCUT, 1.0, 84, 2, [4, 8], 3, precision="float32", seed=[1, 2])
    assert found.se_atten.mean.dtype == found.type_embedding.net.layers[0].w.dtype == np.float32
    double = DescrptDPA1(RCUT, 1.0, 84, 2, [4, 8], 3, seed=[1, 2])
    coord, atype = cluster()
    a, b = (one.evaluate(coord, None, atype)[0] for one in (found, double))
    assert 0 < np.abs(a - b).max() < 1e-5
    block = DescrptBlockSeAtten.deserialize(double.se_atten.serialize())
    assert np.array_equal(block.evaluate(coord, None, atype, double.type_embedding.table())[0], b[..., :24])
