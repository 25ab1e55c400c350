"""The energy loss against its formulas in NumPy, term by term and option by option."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from deepmd_tf.errors import ConfigError
from deepmd_tf.loss.ener import EnerLoss
from deepmd_tf.tf1 import tf

NF, N = 2, 3
ALL = np.ones((NF, N), bool)
ZERO = {f"{end}_pref_{t}": 0.0 for end in ("start", "limit") for t in ("e", "f", "v", "ae", "pf", "gf")}


def problem(seed=0):
    """A prediction and its labels, arrays by key."""
    rng = np.random.default_rng(seed)
    shapes = {"energy": (NF,), "force": (NF, 3 * N), "virial": (NF, 9), "atom_energy": (NF, N)}
    prediction = {k: rng.normal(size=s) for k, s in shapes.items()}
    labels = {
        k: rng.normal(size=(NF, w)) for k, w in (("energy", 1), ("force", 3 * N), ("virial", 9), ("atom_ener", N))
    }
    labels["atom_pref"] = np.repeat(rng.random((NF, N)), 3, axis=1)
    labels["atom_ener_coeff"] = rng.random((NF, N))
    labels["drdq"] = rng.normal(size=(NF, 3 * N * 2))
    return prediction, labels


def evaluate(loss: EnerLoss, prediction, labels, ratio=1.0, missing=(), real=ALL):
    """Total and errors of the loss, run in a graph."""
    keys = [r.key for r in loss.requirements()]
    with tf.Graph().as_default(), tf.Session() as session:
        given = {k: tf.constant(labels[k]) for k in keys}
        given |= {f"find_{k}": tf.constant(float(k not in missing), tf.float32) for k in keys}
        tensors = SimpleNamespace(**{k: tf.constant(v) for k, v in prediction.items()})
        result = loss.build(tensors, given, tf.constant(real), tf.constant(ratio, tf.float64))
        return session.run((result.total, result.errors))


P, L = problem()
DE = P["energy"] - L["energy"][:, 0]
DF = P["force"] - L["force"]
DV = P["virial"] - L["virial"]
DA = P["atom_energy"] - L["atom_ener"]
LENGTH = np.linalg.norm(DF.reshape(NF, N, 3), axis=2)
RELATIVE = DF / np.repeat(np.linalg.norm(L["force"].reshape(NF, N, 3), axis=2) + 0.3, 3, axis=1)
DQ = np.einsum("fa,fag->fg", DF, L["drdq"].reshape(NF, 3 * N, 2))
DEC = (P["atom_energy"] * L["atom_ener_coeff"]).sum(axis=1) - L["energy"][:, 0]


def huber(x, delta):
    x = np.abs(x)
    return np.where(x <= delta, 0.5 * x**2, delta * (x - 0.5 * delta)).mean()


CASES = [
    ("e", {}, (DE**2).mean() / N),
    ("f", {}, (DF**2).mean()),
    ("v", {}, (DV**2).mean() / N),
    ("ae", {}, (DA**2).mean()),
    ("pf", {}, (L["atom_pref"] * DF**2).mean()),
    ("gf", {"numb_generalized_coord": 2}, (DQ**2).mean()),
    ("e", {"enable_atom_ener_coeff": True}, (DEC**2).mean() / N),
    ("e", {"intensive_ener_virial": True}, (DE**2).mean() / N**2),
    ("v", {"intensive_ener_virial": True}, (DV**2).mean() / N**2),
    ("f", {"relative_f": 0.3}, (RELATIVE**2).mean()),
    ("pf", {"relative_f": 0.3}, (L["atom_pref"] * RELATIVE**2).mean()),
    ("e", {"loss_func": "mae"}, np.abs(DE).mean() / N),
    ("f", {"loss_func": "mae"}, np.abs(DF).mean()),
    ("v", {"loss_func": "mae"}, np.abs(DV).mean() / N),
    ("ae", {"loss_func": "mae"}, np.abs(DA).mean()),
    ("pf", {"loss_func": "mae"}, (L["atom_pref"] * np.abs(DF)).mean()),
    ("e", {"loss_func": "mae", "intensive_ener_virial": True}, np.abs(DE).mean() / N),
    ("f", {"loss_func": "mae", "f_use_norm": True}, LENGTH.mean()),
    ("e", {"use_huber": True, "huber_delta": 0.3}, huber(DE / N, 0.3)),
    ("f", {"use_huber": True, "huber_delta": 0.3}, huber(DF, 0.3)),
    ("v", {"use_huber": True, "huber_delta": [0.1, 0.2, 0.3]}, huber(DV / N, 0.3)),
    ("ae", {"use_huber": True, "huber_delta": [0.1, 0.2, 0.3]}, huber(DA, 0.1)),
    ("f", {"use_huber": True, "huber_delta": [0.1, 0.4, 0.3], "f_use_norm": True}, huber(LENGTH, 0.4)),
]


@pytest.mark.parametrize("term, options, expected", CASES, ids=[f"{t} {o}" for t, o, _ in CASES])
def test_term(term, options, expected):
    loss = EnerLoss(**ZERO | {f"start_pref_{term}": 2.0, f"limit_pref_{term}": 4.0}, **options)
    total, errors = evaluate(loss, P, L, ratio=0.5)
    assert total == pytest.approx(3.0 * expected, rel=1e-12)
    assert errors["rmse"] == pytest.approx(np.sqrt(3.0 * expected), rel=1e-12)


def test_terms_add_up_and_show_plain_errors():
    loss = EnerLoss(
        start_pref_e=0.02, limit_pref_e=1, start_pref_f=1000, limit_pref_f=1, start_pref_v=0.01, limit_pref_v=1
    )
    total, errors = evaluate(loss, P, L, ratio=1.0)
    assert total == pytest.approx(0.02 * (DE**2).mean() / N + 1000 * (DF**2).mean() + 0.01 * (DV**2).mean() / N)
    assert list(errors) == ["rmse", "rmse_e", "rmse_f", "rmse_v"]
    assert errors["rmse_e"] == pytest.approx(np.sqrt((DE**2).mean()) / N)
    assert errors["rmse_f"] == pytest.approx(np.sqrt((DF**2).mean()))
    assert errors["rmse_v"] == pytest.approx(np.sqrt((DV**2).mean()) / N)


REAL = np.array([[True, False, True], [True, True, True]])
ATOMIC = ("force", "atom_energy", "atom_ener", "atom_pref", "atom_ener_coeff", "drdq")


@pytest.mark.parametrize("term, options, expected", CASES, ids=[f"{t} {o}" for t, o, _ in CASES])
def test_the_loss_of_a_batch_is_the_mean_over_its_frames(term, options, expected):
    """Each alone and without its virtual atoms, which have labels as random as the others."""
    loss = EnerLoss(**ZERO | {f"start_pref_{term}": 2.0, f"limit_pref_{term}": 2.0}, **options)
    prediction = P | {"atom_energy": P["atom_energy"] * REAL}  # the model gives virtual atoms no energy
    total, errors = evaluate(loss, prediction, L, real=REAL)

    def alone(arrays: dict, frame: int) -> dict:
        own = {k: v[frame : frame + 1] for k, v in arrays.items()}
        return own | {k: own[k].reshape(1, N, -1)[:, REAL[frame]].reshape(1, -1) for k in ATOMIC if k in own}

    each = [
        evaluate(loss, alone(prediction, f), alone(L, f), real=np.ones((1, REAL[f].sum()), bool)) for f in range(NF)
    ]
    assert total == pytest.approx(np.mean([one for one, _ in each]), rel=1e-12)
    power = 1 if options.get("loss_func") == "mae" else 2
    (name,) = errors.keys() - {"rmse"}
    assert errors[name] ** power == pytest.approx(np.mean([e[name] ** power for _, e in each]), rel=1e-12)


def test_mae_shows_mean_absolute_errors():
    _, errors = evaluate(EnerLoss(loss_func="mae"), P, L)
    assert list(errors) == ["rmse", "mae_e", "mae_f"]
    assert errors["mae_e"] == pytest.approx(np.abs(DE).mean() / N)


def test_missing_label_counts_nothing_and_shows_nan():
    total, errors = evaluate(EnerLoss(), P, L, missing=("force",))
    assert total == pytest.approx(0.02 * (DE**2).mean() / N)
    assert np.isnan(errors["rmse_f"])


def test_default_atom_pref():
    options = ZERO | {"start_pref_pf": 1.0, "limit_pref_pf": 1.0}
    ones = L | {"atom_pref": np.ones_like(L["atom_pref"])}
    assert evaluate(EnerLoss(**options), P, ones, missing=("atom_pref",))[0] == 0
    total, _ = evaluate(EnerLoss(**options, use_default_pf=True), P, ones, missing=("atom_pref",))
    assert total == pytest.approx((DF**2).mean())


def test_gradient_of_the_norm_is_finite_at_zero_error():
    loss = EnerLoss(loss_func="mae", f_use_norm=True)
    with tf.Graph().as_default(), tf.Session() as session:
        force = tf.constant(L["force"])
        tensors = SimpleNamespace(energy=tf.constant(P["energy"]), force=force)
        labels = {"energy": tf.constant(L["energy"]), "force": tf.constant(L["force"])}
        labels |= {"find_energy": tf.constant(1.0), "find_force": tf.constant(1.0)}
        total = loss.build(tensors, labels, tf.constant(ALL), tf.constant(1.0, tf.float64)).total
        assert np.array_equal(session.run(tf.gradients(total, force)[0]), np.zeros_like(L["force"]))


@pytest.mark.parametrize(
    "options, message",
    [
        ({"loss_func": "rmse"}, "loss/loss_func = 'rmse' is not known"),
        ({"use_huber": True, "loss_func": "mae"}, "exclude each other"),
        ({"use_huber": True, "relative_f": 1.0}, "loss/use_huber and loss/relative_f exclude each other"),
        ({"use_huber": True, "start_pref_pf": 1.0}, "loss/use_huber and loss/start_pref_pf exclude each other"),
        ({"f_use_norm": True}, "loss/f_use_norm has an effect only with"),
        ({"huber_delta": [1.0, 2.0]}, "loss/huber_delta: expected one number > 0 or three"),
        ({"start_pref_gf": 1.0}, "loss/start_pref_gf and loss/numb_generalized_coord need each other"),
        ({"start_pref_e": -1.0}, "expected prefactors >= 0"),
        (ZERO, "every prefactor is 0"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ConfigError) as caught:
        EnerLoss(**options)
    assert message in str(caught.value)
