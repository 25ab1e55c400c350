"""The three forms of the documentation."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from deepmd_tf.config.document import to_json, to_json_schema, to_rst
from deepmd_tf.train.schema import input_schema
from tests.config.bad_inputs import BASE, KEYS, VALUES


def test_rst_has_an_anchor_and_a_path_for_every_key():
    text = to_rst(input_schema())
    for path in ("model/type_map", "model[standard]/descriptor[se_e2_a]/sel", "training/training_data/batch_size"):
        assert f".. _`{path}`:" in text and f"``{path}``" in text
    assert "*type* is set to ``se_e2_a`` (or its alias ``se_a``)" in text


def test_json_is_the_encoding_that_other_tools_read():
    model = json.loads(to_json(input_schema()))[0]
    standard = model["sub_variants"]["type"]["choice_dict"]["standard"]
    descriptor = standard["sub_fields"]["descriptor"]["sub_variants"]["type"]
    assert descriptor["choice_alias"]["se_a"] == "se_e2_a"
    axis = descriptor["choice_dict"]["se_e2_a"]["sub_fields"]["axis_neuron"]
    assert (axis["default"], axis["alias"], axis["type"]) == (4, ["n_axis_neuron"], ["int"])


@pytest.mark.parametrize("form", ["to_rst", "to_json", "to_json_schema"])
def test_output_does_not_depend_on_the_hash_seed(form):
    code = (
        f"from deepmd_tf.config.document import {form}; from deepmd_tf.train.schema import input_schema;"
        f"print({form}(input_schema()))"
    )
    texts = {
        subprocess.run([sys.executable, "-c", code], env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
                       capture_output=True, check=True).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(texts) == 1


def test_json_schema_accepts_and_refuses():
    jsonschema = pytest.importorskip("jsonschema")
    validator = jsonschema.Draft202012Validator(json.loads(to_json_schema(input_schema())))
    validator.check_schema(validator.schema)
    assert validator.is_valid(BASE)
    structural = {"missing key", "missing section", "text for a number", "number for a list", "list for a section"}
    rows = [row for row in KEYS + VALUES if row.what in structural]
    assert len(rows) == len(structural)
    assert not [row.what for row in rows if validator.is_valid(row.content)]
