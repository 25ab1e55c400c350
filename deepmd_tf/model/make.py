"""From the ``model`` section of an input file to a model object."""

from __future__ import annotations

from deepmd_tf.descriptor.base import descriptors
from deepmd_tf.fitting.base import fittings
from deepmd_tf.model.energy import EnergyModel


def make_model(section: dict) -> EnergyModel:
    """Make the model that a complete ``model`` section describes.

    Parameters
    ----------
    section : dict
        Normalised section with ``type_map`` and numbers in ``sel``.

    Raises
    ------
    ConfigError
        A component is unknown or one of its values does not fit.
    """
    type_map = section["type_map"]
    descriptor_type, descriptor_keys = _split(section["descriptor"])
    fitting_type, fitting_keys = _split(section["fitting_net"])
    descriptor = descriptors.get(descriptor_type)(len(type_map), **descriptor_keys)
    fitting = fittings.get(fitting_type)(len(type_map), descriptor.dim_out, **fitting_keys)
    return EnergyModel(descriptor, fitting, type_map)


def _split(section: dict) -> tuple[str, dict]:
    return section["type"], {key: value for key, value in section.items() if key != "type"}
