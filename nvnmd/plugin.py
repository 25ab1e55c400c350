"""The module that ``deepmd_tf`` imports when it loads its plug-ins: importing the components registers them."""

from nvnmd.model import descriptor, fitting
from nvnmd.model.quantized import fitting as quantized_fitting
from nvnmd.model.quantized import se_a

__all__ = ["descriptor", "fitting", "quantized_fitting", "se_a"]
