"""Fixtures for comparisons with deepmd-kit, which lives in an environment of its own."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.interop.interop_kit import Kit


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
