"""From the ``model`` section of an input file to a model object."""

from __future__ import annotations

from deepmd_tf.descriptor.base import descriptors
from deepmd_tf.errors import ConfigError
from deepmd_tf.fitting.base import fittings
from deepmd_tf.model.energy import EnergyModel
from deepmd_tf.model.type_embedding import TypeEmbedding


def make_model(section: dict) -> EnergyModel:
    """Make the model that a complete ``model`` section describes.

    Parameters
    ----------
    section : dict
        Normalised section with ``type_map`` and numbers in ``sel``.

    Raises
    ------
    ConfigError
        A component is unknown, one of its values does not fit, or two do not go together.
    """
    type_map = section["type_map"]
    descriptor_type, descriptor_keys = _split(section["descriptor"])
    fitting_type, fitting_keys = _split(section["fitting_net"])
    descriptor = descriptors.get(descriptor_type)(len(type_map), **descriptor_keys)
    types = _type_embedding(section.get("type_embedding"), descriptor, descriptor_type, type_map)
    make_fitting = fittings.get(fitting_type)
    if types is not None:
        if not make_fitting.takes_types:
            raise ConfigError(
                f"model/fitting_net: {fitting_type!r} has networks of each type, descriptor {descriptor_type!r} needs "
                "one network of all types",
                "Take the fitting 'ener'",
            )
        fitting_keys["type_width"] = types.width if descriptor.concat_output_tebd else 0
    fitting = make_fitting(len(type_map), descriptor.dim_out, **fitting_keys)
    return EnergyModel(descriptor, fitting, type_map, types)


def _type_embedding(given: dict | None, descriptor, name: str, type_map: list[str]) -> TypeEmbedding | None:
    settings = descriptor.type_vectors
    if settings is not None:
        return TypeEmbedding(type_map, **(given or settings))
    if given is not None:
        raise ConfigError(
            f"model/type_embedding: descriptor {name!r} has networks of each type and takes none",
            "Leave the section out, or take the descriptor 'se_atten'",
        )
    return None


def _split(section: dict) -> tuple[str, dict]:
    return section["type"], {key: value for key, value in section.items() if key != "type"}
