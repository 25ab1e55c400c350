"""Find and load the plug-in's native library, late, and explain a library that does not fit."""

from __future__ import annotations

import functools
import importlib
import json
from pathlib import Path

from deepmd_tf.errors import OpLibraryError
from deepmd_tf.ops.library import REPAIR, check_version
from deepmd_tf.tf1 import tf

FOLDER = Path(__file__).parent / "lib"
OPS = "libnvnmd_op.so"


@functools.cache
def op_module():
    """The module of TensorFlow ops: ``op_module().flt_nvnmd(...)`` and so on, with their gradients registered.

    Raises
    ------
    OpLibraryError
        When the library was not built, was built for another TensorFlow, or cannot be loaded.
    """
    check_version(build_info()["tensorflow"], tf.__version__)
    path = FOLDER / OPS
    if not path.exists():
        raise OpLibraryError(f"the native library of nvnmd was not built: {path} is missing", REPAIR)
    try:
        module = tf.load_op_library(str(path))
    except Exception as error:  # TensorFlow has several errors for this
        text = str(error).splitlines()[0]
        raise OpLibraryError(f"the native library {path} cannot be loaded: {text}", REPAIR) from error
    importlib.import_module("nvnmd.ops.gradients")
    return module


def build_info() -> dict:
    """What the library was built with: tensorflow, python, abi, targets.

    Raises
    ------
    OpLibraryError
        When the library was not built.
    """
    try:
        return json.loads((FOLDER / "build_info.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise OpLibraryError(f"the native library of nvnmd was not built: {FOLDER} holds none", REPAIR) from None
