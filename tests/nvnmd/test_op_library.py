"""The plug-in's library is found late, one that does not fit is explained, and the main package does not load it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from tensorflow.python.framework import op_def_registry

from deepmd_tf.errors import OpLibraryError
from deepmd_tf.tf1 import tf
from nvnmd.ops import library

SCHEMAS = {
    "FltNvnmd": ("x", "y", "T"),
    "CopyFltNvnmd": ("x", "y1 y2", "T"),
    "AddFltNvnmd": ("x w", "y", "T"),
    "MulFltNvnmd": ("x w", "y", "T"),
    "DotmulFltNvnmd": ("x w", "y", "T"),
    "MatmulFltNvnmd": ("x w", "y", "T normw normx"),
    "MatmulFlt2fixNvnmd": ("x w", "y", "T nbit"),
    "MatmulFitnetNvnmd": ("x w", "y", "T nbitw nbitx normw"),
    "MapFltNvnmd": ("x table table_grad table_info", "y", "T"),
    "QuantizeNvnmd": ("x", "y", "T isround nbit1 nbit2 nbit3"),
    "Tanh4FltNvnmd": ("x", "y", "T"),
    "ProdEnvMatANvnmdQuantize": (
        "coord type natoms box mesh davg dstd",
        "descrpt descrpt_deriv rij nlist",
        "T rcut_a rcut_r rcut_r_smth sel_a sel_r",
    ),
    "ProdEnvMatAMixNvnmdQuantize": (
        "coord type natoms box mesh davg dstd",
        "descrpt descrpt_deriv rij nlist ntype nmask",
        "T rcut_a rcut_r rcut_r_smth sel_a sel_r",
    ),
}


@pytest.mark.parametrize("name", SCHEMAS)
def test_names_in_graphs(name):
    library.op_module()
    op = op_def_registry.get(name)
    names = [" ".join(part.name for part in parts) for parts in (op.input_arg, op.output_arg)]
    assert (*names, " ".join(sorted(attr.name for attr in op.attr))) == SCHEMAS[name]
    assert next(attr for attr in op.attr if attr.name == "T").default_value.type == tf.float64.as_datatype_enum


def test_missing_library_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(library, "FOLDER", tmp_path)
    with pytest.raises(OpLibraryError, match=rf"nvnmd was not built: {tmp_path} holds none. Rebuild it"):
        library.op_module.__wrapped__()
    (tmp_path / "build_info.json").write_text(json.dumps({"tensorflow": tf.__version__}))
    with pytest.raises(OpLibraryError, match=r"libnvnmd_op.so is missing"):
        library.op_module.__wrapped__()
    (tmp_path / library.OPS).write_bytes(b"no library")
    with pytest.raises(OpLibraryError, match=r"libnvnmd_op.so cannot be loaded"):
        library.op_module.__wrapped__()


def test_library_of_another_tensorflow_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(library, "FOLDER", tmp_path)
    (tmp_path / "build_info.json").write_text(json.dumps({"tensorflow": "1.15.0"}))
    with pytest.raises(OpLibraryError, match=r"was built for TensorFlow 1.15.0, but TensorFlow"):
        library.op_module.__wrapped__()


def test_imports_load_no_library():
    """The functions can be imported where no library was built, and without waiting for TensorFlow."""
    code = "import sys, nvnmd.ops.arithmetic, nvnmd.ops.env_mat, nvnmd.fixed_point; print('tensorflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
