"""Every malformed system gets the message that its table, and with it the manual, promises."""

from __future__ import annotations

from pathlib import Path

import pytest

from deepmd_tf.data.dataset import DataSet
from deepmd_tf.data.requirement import DataRequirement
from deepmd_tf.errors import DataError
from tests.data.bad_inputs import ROWS, SYSTEM
from tests.support.systems import write_system


def read(type_map=("O", "H")) -> None:
    """Open the system and load all of its frames."""
    wanted = [DataRequirement("energy", 1), DataRequirement("force", 3, atomic=True)]
    DataSet.open(SYSTEM, type_map=type_map, requirements=wanted, batch_size=3, seed=1).batch(0)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.what)
def test_message(row, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_system(SYSTEM)
    read()
    row.damage(Path(SYSTEM))
    with pytest.raises(DataError) as caught:
        read()
    assert str(caught.value) == row.message
