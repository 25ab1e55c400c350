"""House rules of the plug-in: those of the package, an import direction of its own, and that nothing needs it."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests import test_architecture as house
from tests.support.training import environment, small_input, write_input

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "nvnmd"
# Left may be imported by right, never back; the parts of one layer may import each other.
LAYERS = [
    {"formats", "fixed_point", "ops"},
    {"limits", "config", "config_file", "dictionaries", "device_file", "mapping"},
    {"model", "simulate"},
    {"train", "report"},
    {"cli"},
]
LAYER = {part: depth for depth, parts in enumerate(LAYERS) for part in parts}
ENTRY = {"__init__", "plugin"}
FILES = sorted(PACKAGE.rglob("*.py"))
TEXTS = {path: path.read_text(encoding="utf-8") for path in FILES}
TREES = {path: ast.parse(text) for path, text in TEXTS.items()}
RULES = [
    house.tensorflow_imports,
    house.evaluated_annotations,
    house.undocumented,
    house.pickled_loads,
    house.evaluations,
    house.silent_options,
    house.untyped_errors,
]
# Runs the program as if the plug-in were not there.
WITHOUT = """
import importlib.metadata, sys
sys.modules["nvnmd"] = None
import deepmd_tf.plugin
deepmd_tf.plugin.entry_points = lambda group: []
from deepmd_tf.cli.main import main
for line in (["train", "input.json"], ["freeze", "-o", "model.pb"], ["test", "-m", "model.pb", "-s", "training"]):
    assert main(line) == 0
assert not [name for name, module in sys.modules.items() if name.startswith("nvnmd") and module]
"""


def part(path: Path) -> str:
    """Folder, or name of a file at the first level."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def test_imports_go_one_way():
    assert {part(path) for path in FILES} - ENTRY <= set(LAYER), "add the new part to LAYERS, where it belongs"
    found = []
    for path in FILES:
        for line, module in house.imports(TREES[path]):
            names = module.split(".")
            if names[0] == "nvnmd" and part(path) in LAYER and LAYER.get(names[1], 0) > LAYER[part(path)]:
                found.append(f"{path.relative_to(ROOT)}:{line}: imports {module}, which stands above")
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_rules_of_the_package_hold(rule):
    found = [f"{path.relative_to(ROOT)}:{line}: {what}" for path in FILES for line, what in rule(TREES[path])]
    assert not found, "\n" + "\n".join(found)


def test_files_stay_small():
    assert max(text.count("\n") for text in TEXTS.values()) <= house.MAX_LINES


def test_the_package_works_without_it(tmp_path):
    write_input(tmp_path, small_input(tmp_path, steps=2))
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT], cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
