"""The commands of the plug-in as an installed package announces them, whatever is installed."""

from __future__ import annotations

import re
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from deepmd_tf import plugin
from deepmd_tf.cli.main import main

SETUP = (Path(__file__).resolve().parents[2] / "setup.py").read_text(encoding="utf-8")
GROUPS = {
    plugin.PLUGINS: r"nvnmd\.plugin",
    plugin.OPERATIONS: r"nvnmd\.ops[a-z_.:]+",
    plugin.COMMANDS: r"nvnmd\.cli\.[a-z_]+",
}
POINTS = {group: dict(re.findall(rf'"([a-z-]+)=({value})"', SETUP)) for group, value in GROUPS.items()}
COMMANDS = POINTS[plugin.COMMANDS]


def announce(monkeypatch) -> None:
    """Make the entry points of ``setup.py`` those of the environment."""
    found = {group: [EntryPoint(*point, group) for point in points.items()] for group, points in POINTS.items()}
    monkeypatch.setattr(plugin, "entry_points", lambda group: found[group])


@pytest.fixture(autouse=True)
def _announced(monkeypatch):
    announce(monkeypatch)


@pytest.fixture
def dp(capfd):
    """Run ``dp`` in this process; return its exit code and all that it wrote."""

    def run(*arguments) -> tuple[int, str]:
        code = main([str(one) for one in arguments])
        out, err = capfd.readouterr()
        return code, out + err

    return run
