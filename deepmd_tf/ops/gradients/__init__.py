"""The gradients of the native ops, one file per family, registered with TensorFlow when this package is imported.

:func:`deepmd_tf.ops.library.op_module` imports it together with the ops, so that the modules that only describe
graphs stay cheap to import.
"""

import importlib
import pkgutil

for _family in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_family.name}")
