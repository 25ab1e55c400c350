"""The table of exchanged models in the manual is the one that the tests use."""

from __future__ import annotations

from tests.interop import models


def test_page_is_in_step():
    assert models.BEGIN in models.PAGE.read_text(encoding="utf-8")
    assert models.PAGE.read_text(encoding="utf-8") == models.page(), "run python -m tests.interop.models"
