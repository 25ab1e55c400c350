"""The module that ``deepmd_tf`` imports when it loads its plug-ins: importing the components registers them."""

from nvnmd.model import descriptor, fitting, typed_descriptor, typed_fitting
from nvnmd.model.quantized import fitting as quantized_fitting
from nvnmd.model.quantized import se_a, se_atten
from nvnmd.model.quantized import typed_fitting as quantized_typed_fitting

__all__ = [
    "descriptor",
    "fitting",
    "quantized_fitting",
    "quantized_typed_fitting",
    "se_a",
    "se_atten",
    "typed_descriptor",
    "typed_fitting",
]
