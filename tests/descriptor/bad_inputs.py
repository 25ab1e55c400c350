"""Values of a descriptor's section that do not fit, each with the message it gets; docs/bad-input.md shows them."""

from __future__ import annotations

from dataclasses import dataclass

from deepmd_tf.descriptor.base import descriptors
from tests.support.plugins import own

TITLE = "Values of a descriptor"
TWO_BODY = {"sel": [46, 92], "rcut": 6.0, "neuron": [4, 8]}
ANGULAR, RADIAL = {"type": "se_e2_a", **TWO_BODY}, {"type": "se_e2_r", **TWO_BODY}
ATTENTION = {"type": "se_atten", "sel": 60, "rcut": 4.0, "neuron": [2, 4]}
THREE_BODY = {"type": "se_e3", "sel": [8, 16], "rcut": 4.0, "neuron": [2, 4]}


@dataclass(frozen=True)
class Row:
    """A fault in the section ``model/descriptor`` of an input with two types, O and H.

    Attributes
    ----------
    what : str
        The fault in words, for the manual.
    section : dict
    message : str
        All that the user is told.
    """

    what: str
    section: dict
    message: str


def hybrid(*parts: dict) -> dict:
    """A hybrid of the parts."""
    return {"type": "hybrid", "list": list(parts)}


# New descriptors are found, not listed.
INSIDE = own(
    ", ".join(
        sorted(known for name, _ in descriptors if name != "hybrid" for known in (name, *descriptors.aliases(name)))
    )
)
ROWS = [
    Row("too few entries in `sel`", {**ANGULAR, "sel": [46]},
        "model/descriptor/sel: expected 2 numbers, one per type, found 1: [46]"),
    Row("no slots at all", {**RADIAL, "sel": [0, 0]},
        "model/descriptor/sel: expected numbers >= 0 that are not all 0, found [0, 0]"),
    Row("switch that starts beyond the cutoff", {**ANGULAR, "rcut_smth": 7.0},
        "model/descriptor/rcut_smth: expected a number from 0 to below rcut = 6.0, found 7.0"),
    Row("no layers", {**THREE_BODY, "neuron": []}, "model/descriptor/neuron: expected a list of widths >= 1, found []"),
    Row("more columns than the network has", {**ANGULAR, "axis_neuron": 9},
        "model/descriptor/axis_neuron: expected 1 to 8 (last of neuron), found 9"),
    Row("a type that does not exist", {**RADIAL, "exclude_types": [[0, 2]]},
        "model/descriptor/exclude_types: expected pairs of types below 2, found [0, 2]"),
    Row("no pair of types left", {**RADIAL, "exclude_types": [[0, 0], [0, 1], [1, 1]]},
        "model/descriptor/exclude_types: every pair of types is excluded, no atom sees another"),
    Row("no slots in one list", {**ATTENTION, "sel": 0},
        "model/descriptor/sel: expected a number >= 1, of the neighbours of all types together, found 0"),
    Row("a mode that does not exist", {**ATTENTION, "tebd_input_mode": "add"},
        "model/descriptor/tebd_input_mode: expected one of \"concat\", \"strip\"; found \"add\""),
    Row("a dialect that does not exist", {**ATTENTION, "dialect": "torch"},
        "model/descriptor/dialect: expected one of \"reference\", \"tensorflow\"; found \"torch\""),
    Row("a protection below 0", {**ATTENTION, "env_protection": -0.1},
        "model/descriptor/env_protection: expected a length >= 0, Å, found -0.1"),
    Row("no scaling factor", {**ATTENTION, "scaling_factor": 0.0},
        "model/descriptor/scaling_factor: expected a number > 0, found 0.0"),
    Row("a hybrid of two kinds", hybrid(ATTENTION, ANGULAR),
        "model/descriptor/list: descriptors with networks of each type beside one whose networks are told the types. "
        "Take descriptors of one kind: 'se_atten' and 'se_atten_v2', or the others"),
    Row("excluded pairs of types in `se_e3`", {**THREE_BODY, "exclude_types": [[0, 1]]},
        "model/descriptor/exclude_types: expected [], found [[0, 1]]; three-body networks serve all pairs of types. "
        "Use se_e2_a or se_e2_r for types that do not see each other"),
    Row("a key of another descriptor", {**RADIAL, "axis_neuron": 4}, "model/descriptor/axis_neuron: unknown key. "
        "Did you mean 'neuron'?"),
    Row("one-sided networks in `se_e3`", {**THREE_BODY, "type_one_side": True},
        "model/descriptor/type_one_side: unknown key. Known: activation_function, exclude_types, neuron, precision, rcut, "
        "rcut_smth, resnet_dt, seed, sel, set_davg_zero, trainable, type"),
    Row("misspelt activation function", {**ANGULAR, "activation_function": "tahn"},
        "activation function 'tahn' is not known. Did you mean 'tanh'?"),
    Row("misspelt precision", {**ANGULAR, "precision": "double"},
        "precision 'double' is not known. Known: bfloat16, default, float16, float32, float64"),
    Row("a hybrid of nothing", hybrid(), "model/descriptor/list: expected at least one descriptor, found none"),
    Row("a hybrid whose list holds no sections", hybrid("se_e2_a"),
        'model/descriptor/list/0: expected a section, found "se_e2_a"'),
    Row("a value of a hybrid's part", hybrid(RADIAL, {**ANGULAR, "axis_neuron": 9}),
        "model/descriptor/list/1/axis_neuron: expected 1 to 8 (last of neuron), found 9"),
    Row("misspelt key of a hybrid's part", hybrid(RADIAL, {**ANGULAR, "rcut_smt": 1.0}),
        "model/descriptor/list/1/rcut_smt: unknown key. Did you mean 'rcut_smth' or 'rcut'?"),
    Row("key of another backend in a hybrid's part", hybrid({**RADIAL, "env_protection": 0.1}),
        "model/descriptor/list/0/env_protection = 0.1: a key of the reference that this program does not support yet; "
        "only its default 0.0 is accepted"),
    Row("a hybrid inside a hybrid", hybrid(RADIAL, hybrid(RADIAL)),
        'model/descriptor/list/1/type: unknown choice "hybrid". Known: ' + INSIDE),
]  # fmt: skip
