"""The schema checker on a small schema of its own; messages are held by the table of malformed inputs."""

from __future__ import annotations

import copy

import pytest
from dargs import Argument, Variant

from deepmd_tf.config import check as checker
from deepmd_tf.config.arguments import in_range, matches, optional, required, show, type_name
from deepmd_tf.config.check import normalize
from deepmd_tf.config.reference import Reference
from deepmd_tf.errors import ConfigError

FACTS = Reference({
    "net": {"type": "dict"},
    "net[deep]/width": {"type": "int", "optional": True, "default": 3},
    "net[deep]/dropout": {"type": "float", "optional": True, "default": 0.0},
    "net/type": {"type": "str", "choices": {"deep": ["d"], "wide": ["w"]}},
    "extra": {"type": "dict", "optional": True, "default": {}},
    "extra/flag": {"type": "bool", "optional": True, "default": False},
})  # fmt: skip


def schema() -> Argument:
    deep = Argument("deep", dict, [
        optional("width", int, 3, "", alias=["n_width"], extra_check=in_range(1)),
        optional("sizes", list[int], [1, 2], ""),
        Argument("name", str, optional=True),
    ], alias=["d"])  # fmt: skip
    net = required("net", dict, "", sub_variants=[Variant("type", [deep], optional=True, default_tag="deep")])
    layer = Argument("layers", list, [required("size", int, "")], repeat=True, optional=True)
    return Argument(
        "root", dict, [net, layer, optional("loss", dict, {}, "", sub_fields=[optional("p", float, 1.0, "")])]
    )


def check(config: dict) -> dict:
    return normalize(config, schema(), facts=FACTS)


def faults(config: dict) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        check(config)
    return str(caught.value).split("\n")


def test_defaults_are_filled_in_down_to_the_last_section():
    assert check({"net": {}}) == {"net": {"type": "deep", "width": 3, "sizes": [1, 2]}, "loss": {"p": 1.0}}


def test_aliases_of_keys_and_choices_become_names():
    assert check({"net": {"type": "d", "n_width": 7}})["net"] == {"type": "deep", "width": 7, "sizes": [1, 2]}


def test_the_input_is_left_alone_and_shares_nothing_with_the_result():
    config = {"net": {"sizes": [5], "_note": "x"}}
    before = copy.deepcopy(config)
    result = check(config)
    result["net"]["sizes"].append(6)
    assert config == before
    assert check({"net": {}})["net"]["sizes"] == [1, 2]


def test_comment_keys_are_left_out_at_every_depth():
    result = check({"_comment": 1, "net": {"_c": {"x": 1}}, "loss": {"_why": "..."}, "layers": [{"size": 1, "_": 0}]})
    assert result["layers"] == [{"size": 1}]
    assert not [key for section in (result, result["net"], result["loss"]) for key in section if key.startswith("_")]


def test_unsupported_keys_at_their_default_are_dropped_with_one_line(monkeypatch):
    lines = []
    monkeypatch.setattr(checker.log, "info", lambda text, *values: lines.append(text % values))
    result = check({"net": {"dropout": 0}, "extra": {"flag": False}})
    assert "dropout" not in result["net"] and "extra" not in result
    assert lines == ["dropped, since not supported yet and at their default: net/dropout, extra/flag"]


def test_unsupported_key_with_another_value_is_refused():
    assert faults({"net": {"dropout": 0.1}, "extra": {"flag": 0}}) == [
        "net/dropout = 0.1: a key of the reference that this program does not support yet; "
        "only its default 0.0 is accepted",
        "extra/flag = 0: a key of the reference that this program does not support yet; "
        "only its default false is accepted",
    ]


def test_every_fault_is_reported_in_one_run():
    config = {"net": {"width": 0, "sizes": "x", "sizs": 1}, "layers": [{"size": 1}, {"size": "a"}, 3, {}]}
    places = [line.split(":")[0] for line in faults(config)]
    assert places == ["net/width", "net/sizes", "net/sizs", "layers/1/size", "layers/2", "layers/3/size"]


def test_keys_of_an_unknown_choice_are_not_called_unknown():
    assert faults({"net": {"type": "wide", "height": 2}}) == [
        'net/type = "wide": known in the reference, not supported yet; supported: deep'
    ]


@pytest.mark.parametrize(
    ("value", "dtype", "fits"),
    [
        (1, int, True), (True, int, False), (1.0, int, False), (1, float, True), (False, float, False),
        (float("nan"), float, False), (float("inf"), float, False), (None, type(None), True), (None, int, False),
        ([1, None], list[int | None], True), ([1, "a"], list[int], False), ([], list[int], True),
        ({"a": [1.0]}, dict[str, list[float]], True), ({"a": 1}, dict[str, list[float]], False),
    ],
)  # fmt: skip
def test_types(value, dtype, fits):
    assert matches(value, dtype) is fits


def test_type_names_do_not_depend_on_the_order_of_declaration():
    assert type_name([str, list[int], None]) == type_name([None, list[int], str]) == "list[int] | null | str"


def test_long_values_are_shortened():
    assert len(show(list(range(1000)))) == 60
