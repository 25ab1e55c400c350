"""The models that the tests exchange with deepmd-kit, and their table in docs/interop.md.

``python -m tests.interop.models`` writes the table.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tests.interop.interop_kit import variant, with_descriptor

PAGE = Path(__file__).resolve().parents[2] / "docs" / "interop.md"
BEGIN, END = "<!-- models -->\n", "<!-- end of models -->\n"
# The direction to a neighbour just inside the cutoff is a quotient of two numbers near 1e-6: rounding of 1e-16 becomes
# 1e-10, in forces of 0.1 eV/Å here.
AT_THE_CUTOFF = 1e-8
COMMON = {"rcut": 4.0, "rcut_smth": 0.5, "neuron": [4, 8], "seed": 1}


@dataclass(frozen=True)
class Exchanged:
    """A model that both programs train, freeze and evaluate.

    Attributes
    ----------
    what : str
        How it differs from the defaults, for the manual.
    config : dict
        Input of the training.
    tolerance : float
        Largest difference of a result, relative to the largest value of its array.
    """

    what: str
    config: dict
    tolerance: float = 1e-10

    @property
    def descriptor(self) -> str:
        """Its kind; of a hybrid also those of the parts."""
        section = self.config["model"]["descriptor"]
        parts = ", ".join(f"`{part['type']}`" for part in section.get("list", []))
        return f"`{section['type']}`" + (f" of {parts}" if parts else "")

    @property
    def has_three_bodies(self) -> bool:
        """Whether se_e3 is among its descriptors."""
        return "`se_e3`" in self.descriptor


def radial(**changes) -> dict:
    """A section ``se_e2_r``."""
    return {"type": "se_e2_r", "sel": [40, 60], **COMMON, **changes}


def three_body(**changes) -> dict:
    """A section ``se_e3`` with slots for all neighbours of the test frames."""
    return {"type": "se_e3", "sel": [20, 30], **COMMON, "rcut": 3.0, **changes}


def angular(**changes) -> dict:
    """A section ``se_e2_a``."""
    return {"type": "se_e2_a", "sel": [40, 60], "axis_neuron": 3, **COMMON, **changes}


def attention(**changes) -> dict:
    """A section ``se_atten``; the factor of deepmd-kit's products of queries and keys is 1."""
    sizes = {"axis_neuron": 3, "attn": 6, "attn_layer": 2, "attn_dotr": True}
    return {"type": "se_atten", "sel": 60, **COMMON, **sizes, **changes}


def hybrid(*parts: dict) -> dict:
    """A section ``hybrid``."""
    return {"type": "hybrid", "list": list(parts)}


MODELS = {
    "one_side": Exchanged("one-sided networks", variant()),
    "two_side_gelu": Exchanged(
        "time steps, `gelu`, excluded pair of types",
        variant(
            descriptor={
                "type_one_side": False,
                "resnet_dt": True,
                "activation_function": "gelu",
                "exclude_types": [[0, 1]],
            },
            fitting={"resnet_dt": False, "activation_function": "gelu_tf"},
        ),
    ),
    "two_side_softplus": Exchanged(
        "two-sided networks, `softplus`, excluded pair of types",
        variant(descriptor={"type_one_side": False, "activation_function": "softplus", "exclude_types": [[0, 1]]}),
    ),
    "parameters": Exchanged(
        "frame and atomic parameters, `set_davg_zero`",
        variant(descriptor={"set_davg_zero": True}, fitting={"numb_fparam": 2, "numb_aparam": 1}),
    ),
    "float32": Exchanged(
        "networks of float32, `softplus`",
        variant(
            descriptor={"precision": "float32", "activation_function": "softplus"}, fitting={"precision": "float32"}
        ),
        tolerance=1e-4,
    ),
    "radial": Exchanged("`sigmoid`", with_descriptor(radial(activation_function="sigmoid"))),
    "radial_one_side": Exchanged(
        "one-sided networks, excluded pair of types, time steps",
        with_descriptor(radial(type_one_side=True, exclude_types=[[0, 1]], resnet_dt=True)),
    ),
    "radial_excluded": Exchanged(
        "all pairs of a type excluded, `set_davg_zero`",
        with_descriptor(radial(exclude_types=[[0, 0], [0, 1]], set_davg_zero=True)),
    ),
    "three_body": Exchanged("", with_descriptor(three_body())),
    "three_body_gelu": Exchanged(
        "`gelu`, time steps, `set_davg_zero`",
        with_descriptor(three_body(neuron=[2, 4, 4], activation_function="gelu", resnet_dt=True, set_davg_zero=True)),
    ),
    "three_body_float32": Exchanged(
        "networks of float32", with_descriptor(three_body(precision="float32")), tolerance=1e-4
    ),
    "hybrid": Exchanged("all kinds", with_descriptor(hybrid(angular(), radial(), three_body()))),
    "hybrid_mixed": Exchanged(
        "one-sided networks in one part, excluded pair of types in another",
        with_descriptor(hybrid(angular(type_one_side=True), radial(exclude_types=[[1, 1]]), radial(rcut=3.0))),
    ),
    "attention": Exchanged("vectors of types beside s(r)", with_descriptor(attention()), tolerance=AT_THE_CUTOFF),
    "attention_strip": Exchanged(
        "stripped vectors of types, `set_davg_zero` false, time steps, no angular gate",
        with_descriptor(attention(tebd_input_mode="strip", set_davg_zero=False, resnet_dt=True, attn_dotr=False)),
    ),
    "attention_smooth": Exchanged(
        "smooth, one side, masked diagonal, excluded pair of types",
        with_descriptor(
            attention(smooth_type_embedding=True, type_one_side=True, attn_mask=True, exclude_types=[[0, 1]])
        ),
    ),
    "attention_none": Exchanged(
        "no layer, excluded pair of types, `set_davg_zero` false",
        with_descriptor(attention(attn_layer=0, exclude_types=[[1, 1]], set_davg_zero=False)),
    ),
    "attention_v2": Exchanged("", with_descriptor(attention(type="se_atten_v2", ln_eps=1e-4))),
    "attention_v2_none": Exchanged(
        "no layer, excluded pair of types",
        with_descriptor(attention(type="se_atten_v2", attn_layer=0, exclude_types=[[0, 0]])),
    ),
    "attention_types": Exchanged(
        "section `type_embedding` of two layers, atomic energies given",
        with_descriptor(
            attention(attn_layer=1),
            fitting={"atom_ener": [-0.5, None]},
            type_embedding={"neuron": [4, 8], "resnet_dt": True, "seed": 1},
        ),
        tolerance=AT_THE_CUTOFF,
    ),
}
# One of each kind, float64 and without parameters: for LAMMPS and for training there from our files.
PLAIN = ("one_side", "radial", "three_body", "hybrid")
# Compressed by either program and run by the other, to 1e-9 (float32: 1e-5). deepmd-kit compresses no time steps, no
# networks that are told the types beside s(r), and none with attention layers.
COMPRESSED = (*PLAIN, "two_side_softplus", "parameters", "float32", "attention_v2_none")
COMPRESSED_HERE = (
    "attention", "attention_strip", "attention_smooth", "attention_none", "attention_v2", "attention_types",
)  # fmt: skip
# Of those, the ones that run in LAMMPS as well: with layers, without, and in the form that deepmd-kit writes.
COMPRESSED_IN_LAMMPS = (*PLAIN, "attention_smooth", "attention_none", "attention_v2_none")


def table() -> str:
    """The rows of the manual: kinds of models, the tolerance of both directions, what else is tried with them."""
    lines = ["| descriptor | with | results agree to | compressed | also |", "| --- | --- | --- | --- | --- |"]
    for name, model in MODELS.items():
        compressed = "by either program" if name in COMPRESSED else "here" if name in COMPRESSED_HERE else ""
        also = "LAMMPS, compressed" if name in COMPRESSED_IN_LAMMPS else ""
        also = "LAMMPS, exact and compressed; training there" if name in PLAIN else also
        lines.append(f"| {model.descriptor} | {model.what} | {model.tolerance:.0e} | {compressed} | {also} |")
    return "\n".join([*lines, ""])


def page() -> str:
    """The manual with the table as it should be."""
    text = PAGE.read_text(encoding="utf-8")
    return re.sub(f"{BEGIN}.*?{END}", lambda _: f"{BEGIN}\n{table()}\n{END}", text, flags=re.DOTALL)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
