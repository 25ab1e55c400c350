"""The module that ``deepmd_tf`` imports when it loads its plug-ins: importing the components registers them."""

from nvnmd.model import descriptor, fitting, typed_descriptor, typed_fitting

__all__ = ["descriptor", "fitting", "typed_descriptor", "typed_fitting"]
