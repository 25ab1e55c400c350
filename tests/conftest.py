"""Fixtures for all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.systems import write_system


@pytest.fixture(autouse=True)
def _cache_of_its_own(tmp_path_factory, monkeypatch):
    """No test sees results that another test, or the user, has kept."""
    monkeypatch.setenv("DEEPMD_TF_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real data (water, GeTe, ...): ``$DEEPMD_TF_SHARED_DATA``, or shared/data beside the checkout."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("DEEPMD_TF_SHARED_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"real data are not here ({folder}); set DEEPMD_TF_SHARED_DATA")
    return folder


@pytest.fixture
def make_system(tmp_path):
    """Write a small random system below the folder of the test: ``make_system("name", types=...)`` gives its path."""

    def make(name: str = "system", *args, **settings) -> str:
        return write_system(tmp_path / name, *args, **settings)

    return make
