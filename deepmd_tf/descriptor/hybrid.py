"""Several descriptors side by side (``hybrid``)."""

from __future__ import annotations

from dataclasses import replace

from dargs import Argument

from deepmd_tf.config.arguments import family, required
from deepmd_tf.descriptor.base import KEY, Descriptor, DescriptorOutput, Environment, describe, descriptors
from deepmd_tf.errors import ConfigError
from deepmd_tf.tf1 import tf


@descriptors.register("hybrid")
class DescrptHybrid(Descriptor):
    r"""The features of several descriptors, one after the other.

    .. math:: D_i = (D_i^{(0)}, D_i^{(1)}, \dots)

    Each descriptor of the list has its own cutoff, neighbour slots, statistics and networks; k-th of the list, its
    nodes carry ``_k`` behind their scope, e.g. ``descrpt_attr_0/t_avg``. The forces of the parts add up.

    Parameters
    ----------
    ntypes : int
        Number of atom types.
    list : list of dict
        Sections of the descriptors, each with its ``type``.
    key : str
        Where the section stands in the input file, for messages.

    Raises
    ------
    ConfigError
        The list is empty, holds another hybrid, or a value of a descriptor does not fit, named by its key.
    """

    def __init__(self, ntypes: int, *, list: list[dict], key: str = KEY):
        if not list:
            raise ConfigError(f"{key}/list: expected at least one descriptor, found none")
        self.ntypes = ntypes
        self.descriptors = [_make(ntypes, dict(part), f"{key}/list/{k}") for k, part in enumerate(list)]
        if len({descriptor.type_vectors is None for descriptor in self.descriptors}) > 1:
            raise ConfigError(
                f"{key}/list: descriptors with networks of each type beside one whose networks are told the types",
                "Take descriptors of one kind: 'se_atten' and 'se_atten_v2', or the others",
            )

    @classmethod
    def arguments(cls) -> list[Argument]:
        """The keys of the section ``model/descriptor`` with type ``hybrid``."""
        others = [(name, component) for name, component in descriptors if component is not cls]
        choice = family("type", others, descriptors.aliases, doc="Which descriptor.")
        doc = "The descriptors, each a section with its 'type' and the keys of that type."
        return [required("list", list, doc, repeat=True, sub_variants=[choice])]

    @classmethod
    def parts(cls, section: dict, key: str = KEY) -> dict[str, dict]:
        """Those of the descriptors of the list."""
        found = {}
        for k, part in enumerate(section["list"]):
            found.update(descriptors.get(part["type"]).parts(part, f"{key}/list/{k}"))
        return found

    @property
    def type_vectors(self) -> dict | None:
        """Those of the parts, which share them."""
        return self.descriptors[0].type_vectors

    @property
    def concat_output_tebd(self) -> bool:
        """Whether one of the parts wants the fitting to be told the type."""
        return any(descriptor.concat_output_tebd for descriptor in self.descriptors)

    @property
    def rcut(self) -> float:
        """The largest cutoff, Å."""
        return max(descriptor.rcut for descriptor in self.descriptors)

    @property
    def dim_out(self) -> int:
        """Number of features of an atom, the sum over the parts."""
        return sum(descriptor.dim_out for descriptor in self.descriptors)

    def environments(self, suffix: str = "") -> list[Environment]:
        """Those of the parts."""
        return [env for k, part in enumerate(self.descriptors) for env in part.environments(f"{suffix}_{k}")]

    def build(self, ctx, inputs) -> DescriptorOutput:
        """Add the descriptors to the graph."""
        describe(ctx, f"descrpt_attr{ctx.suffix}", self.rcut, {"ntypes": self.ntypes})
        outputs = [
            part.build(replace(ctx, suffix=f"{ctx.suffix}_{k}"), inputs) for k, part in enumerate(self.descriptors)
        ]
        value = tf.concat([output.value for output in outputs], axis=2)
        vectors = [output.rotation for output in outputs if output.rotation is not None]
        return DescriptorOutput(
            ctx.output(value, "o_descriptor"),
            [env for output in outputs for env in output.environments],
            tf.concat(vectors, axis=2) if vectors else None,
        )


def _make(ntypes: int, section: dict, key: str) -> Descriptor:
    kind = section.pop("type")
    if descriptors.get(kind) is DescrptHybrid:
        raise ConfigError(f"{key}: a hybrid inside a hybrid", "Put its descriptors into the outer list")
    return descriptors.get(kind)(ntypes, key=key, **section)
