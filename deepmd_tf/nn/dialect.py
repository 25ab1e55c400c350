"""The two readings of DPA-1 that files in the field follow: same weights, not quite the same function."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Dialect:
    r"""Where the NumPy reference of deepmd-kit and its TensorFlow graphs differ in value (DPA-1 specification, 7.1).

    Attributes
    ----------
    scaled : bool
        Whether the factor of :math:`Q K^T` knows the width h of the attention, see :meth:`scale`. Measured on the
        descriptor with one or two layers: 1e-4 to 3e-3, relative.
    floor : float
        Smallest length that the direction of a neighbour is divided by in the angular gate. Measured: 2e-2 with a
        neighbour just inside the cutoff (not smooth).
    norm_floor : float
        The same for the rows of Q, K and V. No difference in practice.
    first_atom_pads : bool
        Whether an empty or excluded slot has the type of atom 0 of the frame, as in deepmd-kit's reference: a defect,
        by which energies depend on the order of atoms. Otherwise the type vector of an empty one is zero, and an
        excluded one keeps the type of its neighbour. Measured: 0.2 to 0.75 where the mean of the rows is not 0, none
        where it is; the type of an excluded slot shows only together with ``excluded_rows_are_mean``.
    polynomial_switch : bool
        Whether the smooth attention uses the switch :math:`S(r)` of the environment matrix; otherwise
        :math:`1 - (1 - r_\text{smth} s)^3`, held within 0 and 1, with s the first number of a row before it is
        normalised. The difference is large: these are two functions.
    excluded_rows_are_mean : bool
        Whether, in smooth attention, all four numbers of the row of an excluded slot are the mean of the first;
        otherwise they are 0. Matters only where the mean of the rows is not 0.
    ln_eps : float
        What the variance of a layer norm is raised by where the input does not say.
    """

    scaled: bool
    floor: float
    norm_floor: float
    first_atom_pads: bool
    polynomial_switch: bool
    excluded_rows_are_mean: bool
    ln_eps: float

    def scale(self, width: int, scaling_factor: float, temperature: float | None) -> float:
        r"""The factor of :math:`Q K^T`: the temperature, where one is given.

        Otherwise (``width`` :math:`\cdot` ``scaling_factor``) :math:`^{-1/2}` or, where the width does not count,
        ``scaling_factor`` :math:`^{-1/2}`.
        """
        if temperature is not None:
            return float(temperature)
        return float((width if self.scaled else 1) * scaling_factor) ** -0.5


REFERENCE = Dialect(True, 1e-12, 0.0, False, True, False, 1e-5)
# What deepmd-kit makes of its own dictionaries.
REFERENCE_AS_STORED = replace(REFERENCE, first_atom_pads=True)
TENSORFLOW = Dialect(False, 1e-6, 1e-6, False, False, True, 1e-3)
DIALECTS = {"reference": REFERENCE, "tensorflow": TENSORFLOW}
# What holds where nothing is said; the key of the input file, and the constant of a model file below ``descrpt_attr``.
DEFAULT, NODE = "tensorflow", "dialect"
