"""Fixtures for comparisons with deepmd-kit, which lives in an environment of its own."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.interop.interop_kit import Kit
from tests.interop.nvnmd_kit import SIZES, train


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.interop)


@pytest.fixture(scope="session")
def kit() -> Kit:
    """deepmd-kit; absent is a skip, named but broken is a failure."""
    prefix = os.environ.get("DEEPMD_KIT_ENV")
    if not prefix:
        pytest.skip("DEEPMD_KIT_ENV does not name an environment with deepmd-kit; `make interop` builds one")
    for program in ("dp", "lmp", "python"):
        path = Path(prefix) / "bin" / program
        assert os.access(path, os.X_OK), f"DEEPMD_KIT_ENV={prefix}: no program {path}"
    version = subprocess.run([Path(prefix) / "bin" / "dp", "--version"], capture_output=True, text=True)
    assert version.returncode == 0, f"DEEPMD_KIT_ENV={prefix}: {version.stdout}{version.stderr}"
    return Kit(Path(prefix))


@pytest.fixture(scope="session", params=SIZES, ids=lambda one: f"version {one[0]}, {one[1]}")
def trained(request, kit, shared_data, tmp_path_factory):
    """A quantised model that deepmd-kit trained: version, neighbours, and the folder of both steps."""
    version, max_nnei = request.param
    folder = tmp_path_factory.mktemp("nvnmd")
    train(kit, version, max_nnei, shared_data / "nvnmd_GeTe", folder)
    return version, max_nnei, folder
