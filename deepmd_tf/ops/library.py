"""Find and load the native library, late, and explain a library that does not fit.

Two files are built from ``op/``: the core, a C library without TensorFlow, and the TensorFlow ops over it.
"""

from __future__ import annotations

import ctypes
import functools
import importlib
import json
import re
from pathlib import Path

from deepmd_tf.errors import OpLibraryError
from deepmd_tf.tf1 import tf

FOLDER = Path(__file__).parent / "lib"
CORE = "libdeepmd_tf_core.so"
OPS = "libdeepmd_tf_op.so"
REPAIR = "Rebuild it: pip install --force-reinstall --no-deps <path of the deepmd-tf sources>"


@functools.cache
def core() -> ctypes.CDLL:
    """The core as a ctypes library; its calls release the interpreter lock.

    Raises
    ------
    OpLibraryError
        When the library was not built or cannot be loaded.
    """
    return _load(FOLDER / CORE, ctypes.CDLL)


@functools.cache
def op_module():
    """The module of TensorFlow ops: ``op_module().prod_env_mat_a(...)`` and so on.

    Raises
    ------
    OpLibraryError
        When the library was not built, was built for another TensorFlow, or cannot be loaded.
    """
    built = build_info()["tensorflow"]
    check_version(built, tf.__version__)
    module = _load(FOLDER / OPS, tf.load_op_library)
    importlib.import_module("deepmd_tf.ops.gradients")
    return module


def build_info() -> dict:
    """What the library was built with: tensorflow, python, abi, targets."""
    try:
        return json.loads((FOLDER / "build_info.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise OpLibraryError(f"the native library was not built: {FOLDER} holds none", REPAIR) from None


def check_version(built: str, running: str) -> None:
    """Refuse to load ops of one minor version of TensorFlow into another: their C++ interface differs.

    Raises
    ------
    OpLibraryError
        Naming both versions and the command that repairs it.
    """
    if _minor(built) != _minor(running):
        raise OpLibraryError(
            f"the native library was built for TensorFlow {built}, but TensorFlow {running} runs", REPAIR
        )


def _minor(version: str) -> str:
    match = re.match(r"\d+\.\d+", version)
    return match.group() if match else version


def _load(path: Path, loader):
    if not path.exists():
        raise OpLibraryError(f"the native library was not built: {path} is missing", REPAIR)
    try:
        return loader(str(path))
    except Exception as error:  # OSError of ctypes, or whatever TensorFlow raises
        raise OpLibraryError(
            f"the native library {path} cannot be loaded: {str(error).splitlines()[0]}", REPAIR
        ) from error
