"""Reading input files; what is refused stands in the table of malformed inputs."""

from __future__ import annotations

import pytest

from deepmd_tf.config.read import loads_json, loads_yaml, read_input
from deepmd_tf.errors import ConfigError

CONTENT = {"learning_rate": {"start_lr": 0.001, "steps": [1, 2]}, "on": True, "name": None}
JSON = '{"learning_rate": {"start_lr": 1e-3, "steps": [1, 2]}, "on": true, "name": null}'
YAML = "learning_rate:\n  start_lr: 1e-3\n  steps: [1, 2]\n'on': true\nname: null\n"


@pytest.mark.parametrize(
    ("file", "text"), [("a.json", JSON), ("a.yaml", YAML), ("a.YML", YAML), ("b.json", "\ufeff" + JSON)]
)
def test_the_extension_picks_the_format(tmp_path, file, text):
    path = tmp_path / file
    path.write_text(text, encoding="utf-8")
    assert read_input(path) == CONTENT


@pytest.mark.parametrize("number", ["1e-3", "1.e-3", "+1.0E-3", ".1e-2", "0.001"])
def test_yaml_numbers_with_an_exponent_are_numbers(number):
    assert loads_yaml(f"a: {number}", "x") == {"a": 0.001}


@pytest.mark.parametrize("text", ["1e", "e5", "1e-3x", "v1e5"])
def test_yaml_text_that_looks_like_a_number_stays_text(text):
    assert loads_yaml(f"a: {text}", "x") == {"a": text}


def test_yaml_merge_keys_work_and_do_not_count_as_given_twice():
    text = "base: &b {x: 1, y: 2}\nuse:\n  <<: *b\n  y: 3\n"
    assert loads_yaml(text, "x")["use"] == {"x": 1, "y": 3}


def test_same_key_in_two_sections_is_no_duplicate():
    assert loads_json('{"a": {"k": 1}, "b": {"k": 2}}', "x") == {"a": {"k": 1}, "b": {"k": 2}}


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: None, "no such input file"),
        (lambda path: path.mkdir(), "cannot be read"),
        (lambda path: path.write_bytes(b'{"a": "\xff"}'), "byte 7 is not UTF-8"),
    ],
)
def test_files_that_cannot_be_read(tmp_path, make, words):
    path = tmp_path / "in.json"
    make(path)
    with pytest.raises(ConfigError, match=words) as caught:
        read_input(path)
    assert str(caught.value).startswith(str(path))
