"""The revised attention descriptor (``se_atten_v2``)."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

from dargs import Argument

from deepmd_tf.descriptor.base import descriptors
from deepmd_tf.descriptor.se_atten import DescrptSeAtten

FIXED = ("tebd_input_mode", "stripped_type_embedding", "smooth_type_embedding")


@descriptors.register("se_atten_v2")
@dataclass
class DescrptSeAttenV2(DescrptSeAtten):
    """``se_atten`` whose types multiply the features (strip), with everything smooth at the cutoff.

    Parameters
    ----------
    **settings
        Those of :class:`~deepmd_tf.descriptor.se_atten.DescrptSeAtten` but the three that are fixed here.
    """

    _: KW_ONLY
    set_davg_zero: bool = False
    tebd_input_mode: str = "strip"
    smooth_type_embedding: bool = True

    @classmethod
    def arguments(cls) -> list[Argument]:
        """The keys of the section ``model/descriptor`` with type ``se_atten_v2``."""
        return [argument for argument in super().arguments() if argument.name not in FIXED]
