"""``dp doc-train-input``."""

from __future__ import annotations

import json

import pytest

from deepmd_tf.cli.main import main


@pytest.fixture(autouse=True)
def no_backend_in_the_environment(monkeypatch):
    monkeypatch.delenv("DP_BACKEND", raising=False)


def test_text_is_the_default(capsys):
    assert main(["doc-train-input"]) == 0
    assert "argument path: ``model/type_map``" in capsys.readouterr().out


def test_json(capsys):
    assert main(["--tf", "doc-train-input", "--out-type", "json"]) == 0
    sections = [section["name"] for section in json.loads(capsys.readouterr().out)]
    assert sections == ["model", "learning_rate", "optimizer", "loss", "training"]


def test_json_schema(capsys):
    assert main(["doc-train-input", "--out-type", "json_schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert schema["$schema"].startswith("https://json-schema.org/")
    assert schema["required"] == ["model", "learning_rate", "training"]
