"""The library is found late, and one that does not fit is explained."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from tensorflow.python.framework import op_def_registry

from deepmd_tf.errors import OpLibraryError
from deepmd_tf.ops import core, library
from deepmd_tf.tf1 import tf

SCHEMAS = {
    "ProdEnvMatA": (
        "coord type natoms box mesh davg dstd",
        "descrpt descrpt_deriv rij nlist",
        "T rcut_a rcut_r rcut_r_smth sel_a sel_r",
    ),
    "ProdEnvMatAMix": (
        "coord type natoms box mesh davg dstd",
        "descrpt descrpt_deriv rij nlist ntype nmask",
        "T rcut_a rcut_r rcut_r_smth sel_a sel_r",
    ),
    "ProdForceSeA": ("net_deriv in_deriv nlist natoms", "force", "T n_a_sel n_r_sel"),
    "ProdForceSeAGrad": ("grad net_deriv in_deriv nlist natoms", "grad_net", "T n_a_sel n_r_sel"),
    "ProdVirialSeA": ("net_deriv in_deriv rij nlist natoms", "virial atom_virial", "T n_a_sel n_r_sel"),
    "ProdVirialSeAGrad": ("grad net_deriv in_deriv rij nlist natoms", "grad_net", "T n_a_sel n_r_sel"),
    "GeluCustom": ("x", "output", "T"),
    "GeluGradCustom": ("dy x", "output", "T"),
    "GeluGradGradCustom": ("dy dy_ x", "output", "T"),
    "DpGroupOuter": ("env feature offsets", "x", "T"),
    "DpGroupSpread": ("env x offsets", "feature", "T"),
    "DpGroupDot": ("feature x offsets", "env", "T"),
}
ALIASES = {
    "DescrptSeA": "ProdEnvMatA",
    "DescrptNorot": "ProdEnvMatA",
    "ProdForceNorot": "ProdForceSeA",
    "ProdVirialNorot": "ProdVirialSeA",
    "Gelu": "GeluCustom",
    "GeluGrad": "GeluGradCustom",
    "GeluGradGrad": "GeluGradGradCustom",
}


@pytest.mark.parametrize("name", [*SCHEMAS, *ALIASES])
def test_names_in_graph_files(name):
    """Frozen graphs name inputs by position and attributes by name: both must be those that graphs hold."""
    library.op_module()
    op = op_def_registry.get(name)
    inputs, outputs, attributes = SCHEMAS[ALIASES.get(name, name)]
    assert [arg.name for arg in op.input_arg] == inputs.split()
    assert [arg.name for arg in op.output_arg] == outputs.split()
    assert sorted(attr.name for attr in op.attr) == sorted(attributes.split())
    default = {attr.name: attr.default_value.type for attr in op.attr}
    assert default["T"] == tf.float64.as_datatype_enum  # old graphs do not write it


def test_import_is_late():
    """Modules that describe graphs neither import TensorFlow nor load the library."""
    modules = "env_mat, force, virial, gelu, group, core, library, session, reference"
    code = f"import sys; from deepmd_tf.ops import {modules}; assert 'tensorflow' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_build_info_names_what_it_was_built_for():
    info = library.build_info()
    assert info["tensorflow"].split(".")[:2] == tf.__version__.split(".")[:2]
    assert set(core.targets()) <= set(info["targets"])


@pytest.fixture
def empty_folder(tmp_path, monkeypatch):
    """The library's folder is another one, and nothing is loaded yet."""
    monkeypatch.setattr(library, "FOLDER", tmp_path)
    for function in (library.core, library.op_module):
        function.cache_clear()
    yield tmp_path
    for function in (library.core, library.op_module):
        function.cache_clear()


def test_a_library_for_another_tensorflow_is_told(empty_folder):
    (empty_folder / "build_info.json").write_text(json.dumps({"tensorflow": "2.9.1"}))
    with pytest.raises(OpLibraryError, match=r"built for TensorFlow 2\.9\.1, but TensorFlow .* runs.*pip install"):
        library.op_module()


def test_a_missing_library_is_told(empty_folder):
    with pytest.raises(OpLibraryError, match=r"was not built.*pip install"):
        library.op_module()
    with pytest.raises(OpLibraryError, match=r"was not built.*pip install"):
        library.core()


def test_a_broken_library_is_told(empty_folder):
    (empty_folder / library.CORE).write_text("not a library")
    with pytest.raises(OpLibraryError, match=r"cannot be loaded.*pip install"):
        library.core()
