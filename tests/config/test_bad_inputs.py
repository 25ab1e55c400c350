"""Every malformed input gets the message that its table, and with it the manual, promises."""

from __future__ import annotations

import pytest

from deepmd_tf.cli.main import main
from deepmd_tf.config.check import normalize
from deepmd_tf.config.compat import update_input
from deepmd_tf.config.read import read_input
from deepmd_tf.errors import ConfigError
from deepmd_tf.train.schema import input_schema
from tests import bad_input_page
from tests.config.bad_inputs import BASE, COMMANDS, INPUTS
from tests.support.plugins import own


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DP_BACKEND", raising=False)
    return tmp_path


def load(file: str) -> dict:
    config, _ = update_input(read_input(file), file)
    return normalize(config, input_schema(), source=file)


@pytest.mark.parametrize("row", INPUTS, ids=lambda row: row.what)
def test_input_file(row, folder):
    (folder / row.file).write_text(row.text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(row.file)
    assert own(str(caught.value)) == row.message


@pytest.mark.parametrize("row", COMMANDS, ids=lambda row: row.what)
def test_command_line(row, folder, capsys):
    assert main(row.content) == 2
    assert capsys.readouterr().err.partition(": error: ")[2].rstrip("\n") == row.message


def test_the_base_of_the_table_is_good():
    normalize(BASE, input_schema())


def test_page_is_in_step():
    assert bad_input_page.PAGE.read_text(encoding="utf-8") == bad_input_page.page(), (
        "run python -m tests.bad_input_page"
    )
