"""Every value that does not fit gets the message that its table, and with it the manual, promises."""

from __future__ import annotations

import pytest

from deepmd_tf.errors import ConfigError
from deepmd_tf.model.make import make_model
from tests.descriptor.bad_inputs import ANGULAR, RADIAL, ROWS, THREE_BODY, hybrid
from tests.support.graphs import complete
from tests.support.plugins import own


def make(descriptor: dict):
    return make_model(
        complete({"type_map": ["O", "H"], "descriptor": descriptor, "fitting_net": {"neuron": [4], "seed": 1}})
    )


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.what)
def test_message(row):
    with pytest.raises(ConfigError) as caught:
        make(row.section)
    assert own(str(caught.value)) == row.message


@pytest.mark.parametrize("section", [ANGULAR, RADIAL, THREE_BODY, hybrid(ANGULAR, RADIAL, THREE_BODY)])
def test_the_sections_of_the_table_are_good(section):
    assert make(section).descriptor.dim_out > 0
