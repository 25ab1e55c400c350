"""Loss of an energy model (``ener``): energy, force, virial and their relatives."""

from __future__ import annotations

from dataclasses import dataclass

from dargs import Argument

from deepmd_tf.data.requirement import DataRequirement
from deepmd_tf.errors import ConfigError
from deepmd_tf.loss.base import Loss, LossOutput, Prefactor, label_or_nan, losses
from deepmd_tf.registry import did_you_mean
from deepmd_tf.tf1 import tf

TERMS = ("e", "ae", "f", "v", "pf", "gf")
DEFAULTS = {"e": (0.02, 1.0), "f": (1000, 1.0)}
MEANING = {
    "e": "energy", "f": "force", "v": "virial", "ae": "atomic energy",
    "pf": "force weighted per atom by atom_pref.npy", "gf": "generalized force, which needs drdq.npy",
}  # fmt: skip


@dataclass(frozen=True)
class Term:
    """One summand: how far ``residual`` is from zero.

    Attributes
    ----------
    residual : tensor [nf, width]
        Prediction less label, in the unit of the label; 0 for virtual atoms.
    found : scalar
        1 where the batch holds the label.
    size : [nf, 1]
        What an extensive quantity is divided by to be per atom; 1 for the others.
    real : [nf, 1]
        Part of the residuals that belongs to real atoms; 1 for what is no residual of an atom.
    weight : tensor or None
        Weights of the residuals.
    norm : bool
        Take the length of the force on an atom, not its components.
    """

    residual: object
    found: object
    size: object = 1.0
    real: object = 1.0
    weight: object = None
    norm: bool = False


@losses.register("ener")
class EnerLoss(Loss):
    r"""Weighted sum over the terms whose prefactors are not zero, means over frames and the entries of each:

    .. math::
        L = p_e \langle \Delta E^2 / N \rangle + p_f \langle \Delta F^2 \rangle
          + p_v \langle \Delta \Xi^2 / N \rangle + p_{ae} \langle \Delta e^2 \rangle
          + p_{pf} \langle w \Delta F^2 \rangle + p_{gf} \langle \Delta Q^2 \rangle,
        \quad Q = (\partial R / \partial q)^T F.

    N is the number of real atoms of a frame, and virtual atoms have no entries: the loss of a batch is the mean of
    those of its frames, whatever their sizes. Every prefactor moves from its start to its limit with the learning
    rate. Variants:
    ``intensive_ener_virial`` 1/N² instead of 1/N; ``loss_func: mae`` absolute values, 1/N;
    ``use_huber`` the Huber function of :math:`\Delta E/N, \Delta F, \Delta\Xi/N, \Delta e`;
    ``f_use_norm`` (with the last two) the length of :math:`\Delta F_i` per atom;
    ``relative_f`` :math:`\Delta F_i / (|\hat F_i| + \text{relative\_f})`.

    Parameters are the keys of :meth:`arguments`.

    Raises
    ------
    ConfigError
        Options that exclude each other or lack one another, named by key.
    """

    def __init__(
        self,
        *,
        relative_f: float | None = None,
        enable_atom_ener_coeff: bool = False,
        numb_generalized_coord: int = 0,
        use_huber: bool = False,
        huber_delta=0.01,
        loss_func: str = "mse",
        f_use_norm: bool = False,
        use_default_pf: bool = False,
        intensive_ener_virial: bool = False,
        **prefactors: float,
    ):
        self.prefactors = {
            term: Prefactor(*(float(prefactors.pop(f"{end}_pref_{term}", default)) for end, default in
                              zip(("start", "limit"), DEFAULTS.get(term, (0.0, 0.0)))))
            for term in TERMS
        }  # fmt: skip
        if prefactors:
            raise TypeError(f"unknown prefactors {sorted(prefactors)}")
        self.relative_f, self.enable_atom_ener_coeff = relative_f, enable_atom_ener_coeff
        self.numb_generalized_coord = numb_generalized_coord
        self.use_huber, self.loss_func, self.f_use_norm = use_huber, loss_func, f_use_norm
        self.huber_delta = [huber_delta] * 3 if isinstance(huber_delta, (int, float)) else list(huber_delta)
        self.use_default_pf, self.intensive_ener_virial = use_default_pf, intensive_ener_virial
        self._check()

    @classmethod
    def arguments(cls) -> list[Argument]:
        """The keys of the section ``loss`` with type ``ener``."""
        prefactors = [
            Argument(f"{end}_pref_{term}", [float] if term == "gf" else [int, float], optional=True,
                     default=DEFAULTS.get(term, (0.0, 0.0))[at],
                     doc=f"Weight of the {MEANING[term]} in the loss at the {when} of training.")
            for term in TERMS for at, (end, when) in enumerate((("start", "start"), ("limit", "end")))
        ]  # fmt: skip
        return [
            *prefactors,
            Argument("use_default_pf", bool, optional=True, default=False,
                     doc="Weight 1 for every atom where atom_pref.npy is absent."),
            Argument("relative_f", [float, None], optional=True,
                     doc="Divide the force error of an atom by the label's length plus this number, eV/Å."),
            Argument("enable_atom_ener_coeff", bool, optional=True, default=False,
                     doc="Fit the energy as the sum of atomic energies times atom_ener_coeff.npy."),
            Argument("numb_generalized_coord", int, optional=True, default=0,
                     doc="Number of generalized coordinates, for the generalized force."),
            Argument("use_huber", bool, optional=True, default=False,
                     doc="Huber function instead of the square: quadratic below huber_delta, linear above."),
            Argument("loss_func", str, optional=True, default="mse",
                     doc="mse, the mean square error, or mae, the mean absolute error."),
            Argument("f_use_norm", bool, optional=True, default=False,
                     doc="Length of an atom's force error instead of its components; with mae or use_huber."),
            Argument("huber_delta", [float, list[float]], optional=True, default=0.01,
                     doc="Threshold of the Huber function, one number or [energy, force, virial]."),
            Argument("intensive_ener_virial", bool, optional=True, default=False,
                     doc="Weigh energy and virial by 1/N² instead of 1/N, N the number of atoms."),
        ]  # fmt: skip

    def requirements(self) -> list[DataRequirement]:
        """The labels that the switched-on terms read."""
        on = self.prefactors
        force = on["f"] or on["pf"] or on["gf"] or self.relative_f is not None
        wanted = [
            (True, DataRequirement("energy", 1, high_precision=True)),
            (force, DataRequirement("force", 3, atomic=True)),
            (on["v"], DataRequirement("virial", 9)),
            (on["ae"], DataRequirement("atom_ener", 1, atomic=True)),
            (on["pf"], DataRequirement("atom_pref", 1, atomic=True, repeat=3, default=1.0)),
            (on["gf"], DataRequirement("drdq", 3 * self.numb_generalized_coord, atomic=True)),
            (self.enable_atom_ener_coeff, DataRequirement("atom_ener_coeff", 1, atomic=True, default=1.0)),
        ]
        return [requirement for want, requirement in wanted if want]

    def build(self, prediction, labels, real, lr_ratio) -> LossOutput:
        """Add the loss to the graph; all terms are float64 scalars."""
        total = tf.constant(0.0, tf.float64)
        errors = {}
        mae = self.loss_func == "mae"
        for name, term in self._terms(prediction, labels, real).items():
            if not self.prefactors[name]:
                continue
            found = tf.cast(term.found, tf.float64)
            per_atom = term.size if mae else term.size * term.size
            divisor = per_atom if self.intensive_ener_virial else term.size
            value = self._huber(name, term) if self.use_huber else self._mean(term, divisor)
            total += self.prefactors[name].at(lr_ratio) * found * value
            # Divided by the number of atoms for the eye, whatever the loss does with it.
            mean = self._mean(term, per_atom)
            errors[f"{'mae' if mae else 'rmse'}_{name}"] = label_or_nan(mean if mae else tf.sqrt(mean), found)
        return LossOutput(total, {"rmse": tf.sqrt(total), **errors})

    def _terms(self, prediction, labels, real) -> dict[str, Term]:
        """All terms whose labels are at hand, in the order of the learning curve's columns."""
        label = lambda key: tf.cast(labels[key], tf.float64)  # noqa: E731
        found = lambda key: labels[f"find_{key}"]  # noqa: E731
        mask = tf.cast(real, tf.float64)  # [nf, N]
        n, share = (reduce(mask, axis=1, keepdims=True) for reduce in (tf.reduce_sum, tf.reduce_mean))  # [nf, 1]
        energy = prediction.energy
        if self.enable_atom_ener_coeff:
            energy = tf.reduce_sum(tf.cast(prediction.atom_energy, tf.float64) * label("atom_ener_coeff"), axis=1)
        terms = {"e": Term(energy[:, None] - label("energy"), found("energy"), n)}
        if "atom_ener" in labels:
            difference = mask * (tf.cast(prediction.atom_energy, tf.float64) - label("atom_ener"))
            terms["ae"] = Term(difference, found("atom_ener"), real=share)
        if "force" in labels:
            terms |= self._force_terms(tf.cast(prediction.force, tf.float64), mask, label, found, labels)
        if "virial" in labels:
            terms["v"] = Term(tf.cast(prediction.virial, tf.float64) - label("virial"), found("virial"), n)
        return {name: terms[name] for name in TERMS if name in terms}

    def _force_terms(self, force, mask, label, found, labels) -> dict[str, Term]:
        absolute = difference = tf.repeat(mask, 3, axis=1) * (force - label("force"))  # [nf, N*3]
        share = tf.reduce_mean(mask, axis=1, keepdims=True)
        if self.relative_f is not None:
            length = tf.norm(tf.reshape(label("force"), [-1, 3]), axis=1, keepdims=True) + self.relative_f
            length = tf.where(tf.reshape(mask, [-1, 1]) > 0, length, tf.ones_like(length))
            difference = tf.reshape(tf.reshape(difference, [-1, 3]) / length, tf.shape(difference))
        terms = {"f": Term(difference, found("force"), real=share, norm=self.f_use_norm)}
        if "atom_pref" in labels:
            present = found("force") if self.use_default_pf else found("force") * found("atom_pref")
            terms["pf"] = Term(difference, present, real=share, weight=label("atom_pref"))
        if "drdq" in labels:
            nf = tf.shape(difference)[0]
            drdq = tf.reshape(label("drdq"), [nf, -1, self.numb_generalized_coord])  # [nf, N*3, ngen]
            # Q is linear in F: its error is the projection of the force error.
            projected = tf.einsum("fa,fag->fg", absolute, drdq)
            terms["gf"] = Term(projected, found("force") * found("drdq"))
        return terms

    def _mean(self, term: Term, divisor):
        """Mean square or mean absolute residual, divided by ``divisor`` frame by frame."""
        residual = self._length(term) if term.norm and self.loss_func == "mae" else term.residual
        size = tf.abs(residual) if self.loss_func == "mae" else residual * residual
        return tf.reduce_mean((size if term.weight is None else size * term.weight) / (divisor * term.real))

    def _huber(self, name: str, term: Term):
        delta = self.huber_delta[{"f": 1, "v": 2}.get(name, 0)]
        x = tf.abs(self._length(term) if term.norm else term.residual / term.size)
        return tf.reduce_mean(tf.where(x <= delta, 0.5 * x * x, delta * (x - 0.5 * delta)) / term.real)

    @staticmethod
    def _length(term: Term):
        """Length of the force error of every atom [nf, N]; its gradient at zero is zero."""
        square = tf.reduce_sum(tf.square(tf.reshape(term.residual, [tf.shape(term.residual)[0], -1, 3])), axis=2)
        # The root has no slope at zero: keep it away from there in both branches.
        safe = tf.where(square > 0.0, square, tf.ones_like(square))
        return tf.where(square > 0.0, tf.sqrt(safe), tf.zeros_like(square))

    def _check(self) -> None:
        if self.loss_func not in ("mse", "mae"):
            raise ConfigError(
                f"loss/loss_func = {self.loss_func!r} is not known", did_you_mean(self.loss_func, ("mse", "mae"))
            )
        if any(p.start < 0 or p.limit < 0 for p in self.prefactors.values()):
            raise ConfigError("loss: expected prefactors >= 0")
        if not any(self.prefactors.values()):
            raise ConfigError("loss: every prefactor is 0, there is nothing to train on")
        if self.use_huber and self.loss_func == "mae":
            raise ConfigError("loss/use_huber and loss/loss_func = 'mae' exclude each other")
        for other in ("pf", "gf"):
            if self.use_huber and self.prefactors[other]:
                raise ConfigError(f"loss/use_huber and loss/start_pref_{other} exclude each other")
        if self.use_huber and self.relative_f is not None:
            raise ConfigError("loss/use_huber and loss/relative_f exclude each other")
        if self.f_use_norm and not (self.use_huber or self.loss_func == "mae"):
            raise ConfigError(
                "loss/f_use_norm has an effect only with use_huber or loss_func = 'mae'",
                "Set one of them or leave it out",
            )
        if len(self.huber_delta) != 3 or min(self.huber_delta) <= 0:
            raise ConfigError(
                f"loss/huber_delta: expected one number > 0 or three [energy, force, virial], found {self.huber_delta}"
            )
        if bool(self.prefactors["gf"]) != (self.numb_generalized_coord > 0):
            raise ConfigError("loss/start_pref_gf and loss/numb_generalized_coord need each other")
